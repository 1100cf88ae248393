-- How workflows change, those that are changed most first: edits, editors, versions, kinds of change, time spent.
-- An edit is a workflow.updated event, once per new_version of a workflow.
-- usages: U-workflow.updated-1, U-workflow.updated-3
-- ledger: 252, 276
with edits as (
    select
        tenant_id,
        workflow_id,
        min(timestamp) as edited_at,
        arg_min(coalesce(properties ->> 'updated_by', user_id), timestamp) as editor,
        arg_min(try_cast(properties -> 'changes_made' as text[]), timestamp) as changes,
        arg_min(try_cast(properties ->> 'new_version' as double), timestamp) as new_version,
        arg_min(try_cast(properties ->> 'edit_duration' as double), timestamp) as minutes
    from events
    where event_name = 'workflow.updated' and workflow_id is not null
    group by tenant_id, workflow_id, coalesce(cast(try_cast(properties ->> 'new_version' as double) as text), event_id)
)
select
    tenant_id,
    workflow_id,
    count(*) as edits,
    count(distinct editor) as editors,
    max(new_version) as newest_version,
    count(*) filter (list_contains(changes, 'nodes_added')) as nodes_added,
    count(*) filter (list_contains(changes, 'nodes_removed')) as nodes_removed,
    count(*) filter (list_contains(changes, 'config_changed')) as config_changed,
    round(coalesce(sum(minutes), 0), 3) as edit_minutes,
    min(edited_at) as first_edit,
    max(edited_at) as last_edit
from edits
group by all
order by tenant_id, edits desc, workflow_id
