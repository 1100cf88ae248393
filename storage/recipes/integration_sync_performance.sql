-- Speed of synchronisation, slowest first: duration in seconds, records and bytes for each second, the slowest sync.
-- Of completed syncs; ratios are of sums, over syncs that say both.
-- usages: U-integration.sync_started-3, U-integration.sync_completed-1, U-integration.sync_completed-4
-- ledger: 263, 276
with syncs as (
    select
        tenant_id,
        coalesce(properties ->> 'provider', 'unknown') as provider,
        properties ->> 'integration_id' as integration_id,
        timestamp,
        try_cast(properties ->> 'sync_duration' as double) as seconds,
        try_cast(properties ->> 'records_processed' as bigint) as records,
        try_cast(properties ->> 'data_volume' as bigint) as bytes
    from events
    where event_name = 'integration.sync_completed'
)
select
    tenant_id,
    provider,
    integration_id,
    count(*) as syncs,
    round(median(seconds), 3) as median_s,
    round(quantile_cont(seconds, 0.95), 3) as p95_s,
    round(sum(records) filter (seconds is not null) / nullif(sum(seconds) filter (records is not null), 0), 3) as records_per_second,
    round(sum(bytes) filter (seconds is not null) / nullif(sum(seconds) filter (bytes is not null), 0), 3) as bytes_per_second,
    arg_max(timestamp, seconds) as slowest_at
from syncs
group by all
order by tenant_id, p95_s desc nulls last, provider, integration_id
