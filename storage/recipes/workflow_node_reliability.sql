-- Reliability of kinds of nodes, least reliable first: runs, those that failed, share that succeeded, the most frequent error.
-- A run that does not say whether it succeeded counts as a run and for no share.
-- usages: U-workflow.node_executed-2
-- ledger: 257, 276
with runs as (
    select
        tenant_id,
        coalesce(properties ->> 'node_type', 'unknown') as node_type,
        try_cast(properties ->> 'success' as boolean) as success,
        properties ->> 'error_message' as error_message
    from events
    where event_name = 'workflow.node_executed'
)
select
    tenant_id,
    node_type,
    count(*) as runs,
    count(*) filter (not success) as failed,
    round(count(*) filter (success) / nullif(count(success), 0), 4) as success_share,
    mode(error_message) filter (not success) as usual_error
from runs
group by all
order by tenant_id, success_share nulls last, node_type
