-- Which features people come back to: of those who used one, the share that used it again on another day.
-- Within four weeks of the first use; and what they do with it most. Only people whose first use is four weeks or more before the last
-- activity that the pond holds are counted: the others may still come.
-- usages: U-user.feature_used-4, U-user.page_view-4
-- ledger: 193-194
with uses as (
    select
        tenant_id, person, feature, timestamp, properties ->> 'action_type' as action_type,
        min(timestamp) over (partition by tenant_id, person, feature) as first_use
    from user_activity
    where event_name in ('user.page_view', 'user.feature_used') and feature is not null
),
people as (
    select
        feature,
        person,
        bool_or(cast(timestamp as date) > cast(first_use as date) and timestamp <= first_use + interval 28 day) as returned,
        mode(action_type) as action_type
    from uses
    where first_use <= (select max(timestamp) from user_activity) - interval 28 day
    group by tenant_id, feature, person
)
select
    feature,
    count(*) as first_users,
    count(*) filter (returned) as came_back,
    round(count(*) filter (returned) / count(*), 4) as came_back_share,
    mode(action_type) as most_common_action
from people
group by feature
order by came_back_share desc, feature
