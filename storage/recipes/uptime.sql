-- Uptime of each service: the share of the observed time in which an instance of it told its health.
-- A service is down where no instance of it says anything for longer than 60 s (they tell every 10 s); the time beyond the first 60 s of
-- such a gap is downtime. Observed is from the first report to the last one of any service, so that a service which went silent counts.
-- ledger: 202
with beats as (
    select tenant_id, service_name, timestamp
    from server_performance_metrics
),
gaps as (
    select
        service_name,
        epoch(coalesce(lead(timestamp) over (partition by tenant_id, service_name order by timestamp), max(timestamp) over ()) - timestamp)
            as gap_s
    from beats
)
select
    service_name,
    round(sum(gap_s), 0) as observed_s,
    round(sum(greatest(gap_s - allowed_s, 0)), 0) as down_s,
    count(*) filter (gap_s > allowed_s) as outages,
    round(1 - sum(greatest(gap_s - allowed_s, 0)) / nullif(sum(gap_s), 0), 6) as uptime
from gaps
cross join (select cast(coalesce(getvariable('silence_s'), 60) as double) as allowed_s)
group by service_name
order by uptime, service_name
