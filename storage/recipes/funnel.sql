-- A funnel: how many people took the first step, how many of them the second later in the same session, and so on.
-- A step is the name of an event, the slug of a page that is viewed, or the target of an action. Steps need not follow each other at
-- once; what comes before the step before it does not count. Seconds are the median from one step to the next.
-- usages: U-user.page_view-3, U-user.session_expired-3
-- ledger: 40, 197-198
with recursive steps as (
    select trim(unnest(names)) as step, generate_subscripts(names, 1) as number
    from (select string_split(coalesce(getvariable('steps'), 'form.start,form.submit'), ',') as names)
),
taken as (
    select
        tenant_id, person, session_id, timestamp,
        [
            event_name,
            case event_name when 'user.page_view' then page_slug when 'user.action' then properties ->> 'action_target' end
        ] as names
    from user_activity
),
reached as (
    select tenant_id, person, session_id, step, number, min(timestamp) as reached_at, try_cast(null as timestamptz) as previous_at
    from taken
    join steps on list_contains(names, step)
    where number = 1
    group by all
    union all
    select
        reached.tenant_id, reached.person, reached.session_id, steps.step, steps.number,
        min(taken.timestamp), any_value(reached.reached_at)
    from reached
    join steps on steps.number = reached.number + 1
    join taken
        on taken.tenant_id = reached.tenant_id and taken.person = reached.person
        and taken.session_id is not distinct from reached.session_id and taken.timestamp > reached.reached_at
        and list_contains(names, steps.step)
    group by reached.tenant_id, reached.person, reached.session_id, steps.step, steps.number
)
select
    steps.number,
    steps.step,
    count(distinct person) as people,
    round(count(distinct person) / nullif(first_value(count(distinct person)) over (order by steps.number), 0), 4) as share_of_first,
    round(count(distinct person) / nullif(lag(count(distinct person)) over (order by steps.number), 0), 4) as share_of_step_before,
    median(epoch(reached_at - previous_at)) as median_seconds
from steps
left join reached using (number)
group by steps.number, steps.step
order by steps.number
