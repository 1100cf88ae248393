-- Who may need training: creators whose workflows were never executed, or fail more often than those of their tenant do.
-- Of each creator: workflows, those never executed, executions that ended, and the share of these that failed for good. An execution
-- that completed after a retry has not failed. Creators with fewer than min_executions ended executions show no share.
-- usages: U-workflow.created-4
-- ledger: 251, 276
with created as (
    select
        tenant_id,
        workflow_id,
        arg_min(coalesce(properties ->> 'created_by', user_id), timestamp) as creator
    from events
    where event_name = 'workflow.created' and workflow_id is not null
    group by tenant_id, workflow_id
),
executed as (
    select
        tenant_id,
        workflow_id,
        count(*) filter (status <> 'started') as executions,
        count(*) filter (status = 'failed') as failed
    from workflow_executions
    group by tenant_id, workflow_id
),
of_creators as (
    select
        tenant_id,
        creator,
        count(*) as workflows,
        count(*) filter (executed.workflow_id is null) as never_executed,
        cast(coalesce(sum(executions), 0) as bigint) as executions,
        cast(coalesce(sum(failed), 0) as bigint) as failed
    from created
    left join executed using (tenant_id, workflow_id)
    where creator is not null
    group by all
),
compared as (
    select
        tenant_id, creator, workflows, never_executed, executions,
        case
            when executions >= cast(coalesce(getvariable('min_executions'), 5) as bigint) then round(failed / nullif(executions, 0), 4)
        end as failed_share,
        round(sum(failed) over (partition by tenant_id) / nullif(sum(executions) over (partition by tenant_id), 0), 4)
            as failed_share_of_all
    from of_creators
)
select * from compared
where never_executed > 0 or failed_share > failed_share_of_all
order by tenant_id, failed_share desc nulls last, never_executed desc, creator
