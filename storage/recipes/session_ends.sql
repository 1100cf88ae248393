-- How sessions end: by hand, by force or by time-out, how many, and how long they had lasted.
-- Minutes, as user.logout and user.session_expired say. A session that tells both counts once, by what came first.
-- usages: U-user.logout-1, U-user.logout-3, U-user.session_expired-1
-- ledger: 190
with ended as (
    select
        case event_name when 'user.session_expired' then 'timeout' else coalesce(properties ->> 'logout_reason', 'unknown') end as reason,
        try_cast(properties ->> 'session_duration' as double) as minutes
    from events
    where event_name in ('user.logout', 'user.session_expired')
    qualify row_number() over (partition by tenant_id, coalesce(session_id, event_id) order by timestamp, event_name) = 1
)
select
    reason,
    count(*) as sessions,
    round(count(*) / sum(count(*)) over (), 4) as share,
    round(avg(minutes), 1) as average_minutes,
    round(median(minutes), 1) as median_minutes,
    round(quantile_cont(minutes, 0.9), 1) as p90_minutes
from ended
group by reason
order by sessions desc, reason
