-- Deletions that may be accidents, newest first: of workflows in use, made anew, or deleted together with others.
-- In use: executed within in_use_days (7) before. Made anew: one of the same name was created within a day.
-- A workflow counts once, at its first workflow.deleted event. deleted_within_hour: workflows that the same person deleted in the hour
-- up to it, this one among them; from many_deletions on that makes a deletion suspect.
-- usages: U-workflow.deleted-4
-- ledger: 253, 276
with deleted as (
    select
        tenant_id,
        workflow_id,
        arg_min(organization_id, timestamp) as organization_id,
        min(timestamp) as deleted_at,
        arg_min(coalesce(properties ->> 'deleted_by', user_id), timestamp) as deleted_by,
        arg_min(properties ->> 'workflow_name', timestamp) as workflow_name,
        arg_min(try_cast(properties ->> 'last_execution' as timestamptz), timestamp) as last_execution
    from events
    where event_name = 'workflow.deleted' and workflow_id is not null
    group by tenant_id, workflow_id
),
marked as (
    select
        *,
        coalesce(
            last_execution >= deleted_at - to_days(cast(coalesce(getvariable('in_use_days'), 7) as integer)), false
        ) as was_in_use,
        exists (
            from events as again
            where again.event_name = 'workflow.created' and again.tenant_id = deleted.tenant_id
                and again.organization_id = deleted.organization_id and again.workflow_id <> deleted.workflow_id
                and (again.properties ->> 'workflow_name') = deleted.workflow_name
                and again.timestamp between deleted.deleted_at and deleted.deleted_at + interval 1 day
        ) as was_made_anew,
        count(deleted_by) over (
            partition by tenant_id, deleted_by order by deleted_at range between interval 1 hour preceding and current row
        ) as deleted_within_hour
    from deleted
)
select tenant_id, organization_id, deleted_at, workflow_id, workflow_name, deleted_by, was_in_use, was_made_anew, deleted_within_hour
from marked
where was_in_use or was_made_anew or deleted_within_hour >= cast(coalesce(getvariable('many_deletions'), 5) as bigint)
order by tenant_id, deleted_at desc, workflow_id
