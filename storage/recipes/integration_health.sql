-- Health of each integration, worst first: its last syncs, failures since the last good one, share completed of the last 10.
-- A sync that ended is an integration.sync_completed or integration.sync_failed event; its starts are no part of this. A failed try that
-- is retried counts as failed.
-- usages: U-integration.sync_started-1, U-integration.sync_failed-1
-- ledger: 262-264, 276
with ended as (
    select
        tenant_id,
        organization_id,
        properties ->> 'integration_id' as integration_id,
        properties ->> 'provider' as provider,
        timestamp,
        event_name = 'integration.sync_completed' as completed,
        row_number() over (
            partition by tenant_id, organization_id, properties ->> 'integration_id' order by timestamp desc, event_id
        ) as back,
        max(case event_name when 'integration.sync_completed' then timestamp end)
            over (partition by tenant_id, organization_id, properties ->> 'integration_id') as last_completed
    from events
    where event_name in ('integration.sync_completed', 'integration.sync_failed')
)
select
    tenant_id,
    organization_id,
    integration_id,
    arg_max(provider, timestamp) as provider,
    max(timestamp) as last_sync,
    any_value(last_completed) as last_completed,
    count(*) filter (last_completed is null or timestamp > last_completed) as failed_since,
    round(count(*) filter (back <= 10 and completed) / count(*) filter (back <= 10), 4) as completed_share
from ended
group by tenant_id, organization_id, integration_id
order by tenant_id, failed_since desc, completed_share, organization_id, integration_id
