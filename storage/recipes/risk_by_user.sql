-- Risk patterns: the users with the highest risk, what is told of them, and whether it rises.
-- The trend is the slope of the risk score in points a day over the user's activities; NULL where there are less than two.
-- usages: U-security.suspicious_activity-2
select
    user_id,
    count(*) as activities,
    list_sort(list(distinct properties ->> 'activity_type')) as activity_types,
    max(try_cast(properties ->> 'risk_score' as double)) as highest_risk,
    round(avg(try_cast(properties ->> 'risk_score' as double)), 1) as average_risk,
    case when count(distinct timestamp) > 1 then
        round(regr_slope(try_cast(properties ->> 'risk_score' as double), epoch(timestamp) / 86400), 1)
    end as trend,
    max(timestamp) as last_seen
from events
where event_name = 'security.suspicious_activity' and user_id is not null
group by user_id
order by highest_risk desc, activities desc, user_id
limit cast(coalesce(getvariable('top'), 50) as integer)
