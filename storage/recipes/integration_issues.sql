-- Syncs to look into, newest first: never ended, with failed records, or with fewer than half of the records expected.
-- A start belongs to the next end of its integration. A sync has not ended where the integration's next event is another start, or where
-- nothing followed within stuck_hours of the tenant's newest event.
-- usages: U-integration.sync_started-4
-- ledger: 262, 263, 276
with syncs as (
    select
        tenant_id,
        organization_id,
        properties ->> 'integration_id' as integration_id,
        properties ->> 'provider' as provider,
        event_name,
        timestamp,
        try_cast(properties ->> 'records_processed' as bigint) as records,
        try_cast(properties ->> 'records_failed' as bigint) as records_failed,
        try_cast(properties ->> 'estimated_records' as bigint) as estimated_records,
        max(timestamp) over (partition by tenant_id) as newest
    from events
    where event_name in ('integration.sync_started', 'integration.sync_completed', 'integration.sync_failed')
),
followed as (
    select
        *,
        lead(event_name) over integration as next_event,
        case when lag(event_name) over integration = 'integration.sync_started' then lag(estimated_records) over integration end as expected
    from syncs
    window integration as (partition by tenant_id, organization_id, integration_id order by timestamp, event_name desc)
),
judged as (
    select
        *,
        case
            when event_name = 'integration.sync_started' and next_event = 'integration.sync_started' then 'never ended'
            when event_name = 'integration.sync_started' and next_event is null
                and newest - timestamp > to_hours(cast(coalesce(getvariable('stuck_hours'), 6) as integer)) then 'never ended'
            when event_name = 'integration.sync_completed' and records_failed > 0 then 'failed records'
            when event_name = 'integration.sync_completed' and records < expected * 0.5 then 'fewer records than expected'
        end as issue
    from followed
)
select tenant_id, organization_id, integration_id, provider, timestamp, issue, expected as expected_records, records, records_failed
from judged
where issue is not null
order by tenant_id, timestamp desc, organization_id, integration_id
