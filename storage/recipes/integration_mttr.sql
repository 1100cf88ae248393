-- Mean time to resolution of each integration's failures, longest first, with the longest outage and the one that lasts.
-- An outage begins with an integration.sync_failed and ends with the integration's next integration.sync_completed; further failures
-- between belong to it. One that lasts has no time yet.
-- usages: U-integration.sync_failed-4
-- ledger: 264, 276
with ended as (
    select
        tenant_id,
        organization_id,
        properties ->> 'integration_id' as integration_id,
        properties ->> 'provider' as provider,
        event_name,
        timestamp,
        min(case event_name when 'integration.sync_completed' then timestamp end) over (
            partition by tenant_id, organization_id, properties ->> 'integration_id'
            order by timestamp, event_name desc rows between 1 following and unbounded following
        ) as resolved_at
    from events
    where event_name in ('integration.sync_completed', 'integration.sync_failed')
),
outages as (
    select tenant_id, organization_id, integration_id, any_value(provider) as provider, min(timestamp) as broken_at, resolved_at
    from ended
    where event_name = 'integration.sync_failed'
    group by tenant_id, organization_id, integration_id, resolved_at
)
select
    tenant_id,
    organization_id,
    integration_id,
    any_value(provider) as provider,
    count(resolved_at) as resolved_outages,
    round(avg(epoch_us(resolved_at - broken_at) / 60e6), 3) as mean_minutes_to_resolution,
    round(max(epoch_us(resolved_at - broken_at) / 60e6), 3) as longest_minutes,
    min(broken_at) filter (resolved_at is null) as broken_since
from outages
group by tenant_id, organization_id, integration_id
order by tenant_id, mean_minutes_to_resolution desc nulls first, organization_id, integration_id
