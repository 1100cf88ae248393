-- The first reason to refuse an event, or NULL. The rules are a JSON array in the order of the catalogue, of objects with `place` (how the
-- reason begins) and `column` (a base field that is required) or `pointer` (a property) and what event_problem reads.
create macro event_refusal(rules, properties, user_id, organization_id, session_id, workflow_id, execution_id) as
    list_filter(
        list_transform(
            from_json(rules, '["JSON"]'),
            lambda rule: (rule ->> '$.place') || case rule ->> '$.column'
                when 'user_id' then case when coalesce(user_id, '') = '' then ': is missing' end
                when 'organization_id' then case when coalesce(organization_id, '') = '' then ': is missing' end
                when 'session_id' then case when coalesce(session_id, '') = '' then ': is missing' end
                when 'workflow_id' then case when coalesce(workflow_id, '') = '' then ': is missing' end
                when 'execution_id' then case when coalesce(execution_id, '') = '' then ': is missing' end
                else list_transform(
                    [try_cast(json_extract(properties, rule ->> '$.pointer') as varchar)], lambda value: event_problem(rule, value)
                )[1]
            end
        ),
        lambda reason: reason is not null
    )[1];
