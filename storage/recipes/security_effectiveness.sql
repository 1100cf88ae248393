-- Whether automated responses to suspicious activities work: how often the same one was told of again within a day.
-- The same one is the user, else the address.
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
