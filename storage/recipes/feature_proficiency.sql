-- Proficiency: how long a use of a feature takes people the first time, the second to fifth, the sixth to twentieth, and later.
-- A use is a user.feature_used that says its duration (seconds), counted for each person and feature. Times that fall show learning.
-- usages: U-user.feature_used-3
with uses as (
    select
        feature,
        person,
        try_cast(properties ->> 'duration' as double) as seconds,
        row_number() over (partition by tenant_id, person, feature order by timestamp) as number
    from user_activity
    where event_name = 'user.feature_used' and try_cast(properties ->> 'duration' as double) is not null
)
select
    feature,
    case when number = 1 then '1' when number <= 5 then '2-5' when number <= 20 then '6-20' else '21+' end as use_number,
    count(distinct person) as people,
    count(*) as uses,
    round(median(seconds), 1) as median_seconds
from uses
group by feature, use_number
order by feature, min(number)
