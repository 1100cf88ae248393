-- Success of synchronisation by week and provider: share of syncs that completed, and share of their records that went through.
-- A sync is an integration.sync_completed or integration.sync_failed event; records are those of completed syncs. Weeks begin on Monday.
-- usages: U-integration.sync_completed-3
-- ledger: 263, 276
with syncs as (
    select
        tenant_id,
        cast(date_trunc('week', timestamp) as date) as week,
        coalesce(properties ->> 'provider', 'unknown') as provider,
        event_name = 'integration.sync_completed' as completed,
        try_cast(properties ->> 'records_processed' as bigint) as processed,
        try_cast(properties ->> 'records_failed' as bigint) as failed
    from events
    where event_name in ('integration.sync_completed', 'integration.sync_failed')
)
select
    tenant_id,
    week,
    provider,
    count(*) as syncs,
    round(count(*) filter (completed) / count(*), 4) as completed_share,
    round(
        1 - sum(failed) filter (completed and processed is not null)
            / nullif(sum(processed) filter (completed and failed is not null), 0),
        4
    ) as record_success_share
from syncs
group by all
order by all
