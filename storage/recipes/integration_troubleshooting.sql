-- Integrations that are broken now: since when, failures, last reason and message, how far they got, last good sync.
-- Broken is an integration whose newest end is an integration.sync_failed; failures count since its last completed sync.
-- usages: U-integration.sync_failed-3
-- ledger: 264, 276
with ended as (
    select
        tenant_id,
        organization_id,
        properties ->> 'integration_id' as integration_id,
        event_name,
        timestamp,
        properties,
        max(case event_name when 'integration.sync_completed' then timestamp end)
            over (partition by tenant_id, organization_id, properties ->> 'integration_id') as last_good_sync
    from events
    where event_name in ('integration.sync_completed', 'integration.sync_failed')
)
select
    tenant_id,
    organization_id,
    integration_id,
    arg_max(properties ->> 'provider', timestamp) as provider,
    min(timestamp) as broken_since,
    count(*) as failures,
    arg_max(properties ->> 'failure_reason', timestamp) as last_reason,
    arg_max(properties ->> 'error_message', timestamp) as last_message,
    max(try_cast(properties ->> 'records_processed' as bigint)) as most_records_before_failure,
    any_value(last_good_sync) as last_good_sync
from ended
where event_name = 'integration.sync_failed' and (last_good_sync is null or timestamp > last_good_sync)
group by tenant_id, organization_id, integration_id
order by tenant_id, broken_since, organization_id, integration_id
