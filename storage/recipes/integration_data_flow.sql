-- Data through integrations by day and provider: syncs, records created, updated and failed, bytes, change to the day before.
-- The day before is the last one on which the provider had syncs.
-- Of completed syncs. What failed syncs processed before they failed is shown as records_before_failure and is no part of the rest.
-- usages: U-integration.sync_started-2, U-integration.sync_completed-2
-- ledger: 263, 276
with days as (
    select
        tenant_id,
        coalesce(properties ->> 'provider', 'unknown') as provider,
        cast(timestamp as date) as day,
        event_name,
        try_cast(properties ->> 'records_processed' as bigint) as processed,
        try_cast(properties ->> 'records_created' as bigint) as created,
        try_cast(properties ->> 'records_updated' as bigint) as updated,
        try_cast(properties ->> 'records_failed' as bigint) as failed,
        try_cast(properties ->> 'data_volume' as bigint) as bytes
    from events
    where event_name in ('integration.sync_completed', 'integration.sync_failed')
),
flows as (
    select
        tenant_id,
        provider,
        day,
        count(*) filter (event_name = 'integration.sync_completed') as completed_syncs,
        cast(coalesce(sum(processed) filter (event_name = 'integration.sync_completed'), 0) as bigint) as records,
        cast(coalesce(sum(created), 0) as bigint) as created,
        cast(coalesce(sum(updated), 0) as bigint) as updated,
        cast(coalesce(sum(failed), 0) as bigint) as failed,
        cast(coalesce(sum(bytes), 0) as bigint) as bytes,
        cast(coalesce(sum(processed) filter (event_name = 'integration.sync_failed'), 0) as bigint) as records_before_failure
    from days
    group by all
)
select *, round(records / nullif(lag(records) over (partition by tenant_id, provider order by day), 0) - 1, 4) as change_of_records
from flows
order by tenant_id, provider, day
