-- Security threats of each day: by kind, how many, how severe, how many users, the mean and highest risk (0 to 100).
-- usages: U-security.suspicious_activity-1
select
    cast(timestamp as date) as day,
    coalesce(properties ->> 'activity_type', 'unknown') as activity_type,
    count(*) as activities,
    count(*) filter (properties ->> 'severity_level' in ('high', 'critical')) as severe,
    count(distinct user_id) as users,
    round(avg(try_cast(properties ->> 'risk_score' as double)), 1) as average_risk,
    max(try_cast(properties ->> 'risk_score' as double)) as highest_risk
from events
where event_name = 'security.suspicious_activity'
group by all
order by day, activities desc, activity_type
