-- How syncs fail, most frequent first: by provider and reason, with integrations hit, retries, and the usual hour of day.
-- Hours are of the session's time zone (UTC unless set).
-- Every integration.sync_failed event counts, tries that are retried too.
-- usages: U-integration.sync_failed-2
-- ledger: 264, 276
select
    tenant_id,
    coalesce(properties ->> 'provider', 'unknown') as provider,
    coalesce(properties ->> 'failure_reason', 'unknown') as failure_reason,
    count(*) as failures,
    round(count(*) / sum(count(*)) over (partition by tenant_id), 4) as share,
    count(distinct (organization_id, properties ->> 'integration_id')) as integrations,
    max(try_cast(properties ->> 'retry_attempt' as bigint)) as most_retries,
    mode(hour(timestamp)) as usual_hour
from events
where event_name = 'integration.sync_failed'
group by tenant_id, coalesce(properties ->> 'provider', 'unknown'), coalesce(properties ->> 'failure_reason', 'unknown')
order by tenant_id, failures desc, provider, failure_reason
