-- Whether automated responses work: what was answered to suspicious activities, and how often the same user or address was told of again
-- within a day.
-- usages: U-security.suspicious_activity-3
with activities as (
    select
        coalesce(properties ->> 'automated_response', 'none') as response,
        try_cast(properties ->> 'risk_score' as double) as risk,
        lead(timestamp) over (partition by tenant_id, coalesce(user_id, ip_address) order by timestamp) - timestamp <= interval 1 day
            as again
    from events
    where event_name = 'security.suspicious_activity'
)
select
    response,
    count(*) as activities,
    round(count(*) / sum(count(*)) over (), 4) as share,
    round(avg(risk), 1) as average_risk,
    round(count(*) filter (again) / count(*), 4) as again_within_a_day
from activities
group by response
order by activities desc, response
