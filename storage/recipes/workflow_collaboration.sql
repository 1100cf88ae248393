-- Collaborative editing by organization: share of workflows with two people and more, share of edits made by others than the creator.
-- People are the creator (workflow.created) and the editors (workflow.updated); an edit counts once per new_version. Edits of workflows
-- whose creator is unknown count for no share.
-- usages: U-workflow.updated-2
-- ledger: 252, 276
with touched as (
    select
        tenant_id,
        workflow_id,
        event_name,
        arg_min(organization_id, timestamp) as organization_id,
        arg_min(coalesce(properties ->> 'created_by', properties ->> 'updated_by', user_id), timestamp) as person
    from events
    where event_name in ('workflow.created', 'workflow.updated') and workflow_id is not null
    group by
        tenant_id, workflow_id, event_name,
        case event_name when 'workflow.updated' then coalesce(cast(try_cast(properties ->> 'new_version' as double) as text), event_id) end
),
creators as (
    select tenant_id, workflow_id, person as creator from touched where event_name = 'workflow.created'
),
workflows as (
    select
        tenant_id,
        workflow_id,
        min(organization_id) as organization_id,
        count(distinct person) as people,
        count(*) filter (event_name = 'workflow.updated') as edits,
        count(*) filter (event_name = 'workflow.updated' and creator is not null and person is not null) as edits_of_known,
        count(*) filter (event_name = 'workflow.updated' and person <> creator) as edits_by_others
    from touched
    left join creators using (tenant_id, workflow_id)
    group by all
)
select
    tenant_id,
    organization_id,
    count(*) as workflows,
    count(*) filter (people >= 2) as shared_workflows,
    round(count(*) filter (people >= 2) / count(*), 4) as shared_share,
    cast(sum(edits) as bigint) as edits,
    round(sum(edits_by_others) / nullif(sum(edits_of_known), 0), 4) as edits_by_others_share
from workflows
group by all
order by all
