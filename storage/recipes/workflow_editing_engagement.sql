-- Engagement of those who build workflows, by week: editors, edits, edits and minutes for each, hours since the edit before.
-- An edit is a workflow.updated event, once per new_version of a workflow. Weeks begin on Monday.
-- usages: U-workflow.updated-4
-- ledger: 252, 276
with edits as (
    select
        tenant_id,
        cast(date_trunc('week', min(timestamp)) as date) as week,
        arg_min(coalesce(properties ->> 'updated_by', user_id), timestamp) as editor,
        arg_min(try_cast(properties ->> 'edit_duration' as double), timestamp) as minutes,
        arg_min(try_cast(properties ->> 'time_since_last_edit' as double), timestamp) as hours_since_last
    from events
    where event_name = 'workflow.updated' and workflow_id is not null
    group by tenant_id, workflow_id, coalesce(cast(try_cast(properties ->> 'new_version' as double) as text), event_id)
)
select
    tenant_id,
    week,
    count(distinct editor) as editors,
    count(*) as edits,
    round(count(*) / nullif(count(distinct editor), 0), 3) as edits_per_editor,
    round(sum(minutes) / nullif(count(distinct editor), 0), 3) as minutes_per_editor,
    round(median(hours_since_last), 3) as median_hours_since_last_edit
from edits
group by all
order by all
