-- Workflows created: how many, by how many people and how large, by week and category.
-- A workflow counts once, at its first workflow.created event. Weeks begin on Monday.
-- usages: U-workflow.created-1
-- ledger: 251, 276
select
    tenant_id,
    cast(date_trunc('week', created_at) as date) as week,
    category,
    count(*) as workflows,
    count(distinct created_by) as creators,
    round(avg(node_count), 3) as average_nodes,
    round(median(complexity_score), 3) as median_complexity
from (
    select
        tenant_id,
        workflow_id,
        min(timestamp) as created_at,
        coalesce(arg_min(properties ->> 'category', timestamp), 'unknown') as category,
        arg_min(coalesce(properties ->> 'created_by', user_id), timestamp) as created_by,
        arg_min(try_cast(properties ->> 'node_count' as double), timestamp) as node_count,
        arg_min(try_cast(properties ->> 'complexity_score' as double), timestamp) as complexity_score
    from events
    where event_name = 'workflow.created' and workflow_id is not null
    group by tenant_id, workflow_id
)
group by all
order by all
