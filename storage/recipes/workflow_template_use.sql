-- Templates: how many workflows were made from each, what share of all that is, and how many of them have completed an execution.
-- A workflow counts once, at its first workflow.created event; those made from no template stand under an empty template_id.
-- usages: U-workflow.created-2
-- ledger: 251, 276
with created as (
    select
        tenant_id,
        workflow_id,
        arg_min(
            case when (properties ->> 'template_id') is not null or try_cast(properties ->> 'template_used' as boolean)
                then coalesce(properties ->> 'template_id', 'unknown') else '' end,
            timestamp
        ) as template_id
    from events
    where event_name = 'workflow.created' and workflow_id is not null
    group by tenant_id, workflow_id
)
select
    tenant_id,
    template_id,
    count(*) as workflows,
    round(count(*) / sum(count(*)) over (partition by tenant_id), 4) as share,
    count(*) filter (exists (
        from workflow_executions as execution
        where execution.tenant_id = created.tenant_id and execution.workflow_id = created.workflow_id and execution.status = 'completed'
    )) as in_use
from created
group by tenant_id, template_id
order by tenant_id, workflows desc, template_id
