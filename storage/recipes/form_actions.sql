-- What people do while they fill a form: drafts saved, timers, AI indicators and whatever else their actions name, by form.
-- A try is what happens from one form.start to the next, in one session (see form_tries); actions of that session and page between its
-- first and its last event belong to it.
-- ledger: 37-39
select
    form_id,
    properties ->> 'action_target' as action_target,
    count(*) as actions,
    count(distinct (tries.person, tries.session_id, try_number)) as tries_with_it,
    round(tries_with_it / any_value(all_tries), 4) as share_of_tries,
    round(actions / any_value(all_tries), 2) as actions_per_try
from (select *, count(*) over (partition by form_id) as all_tries from form_tries) as tries
join user_activity as action
    on action.tenant_id = tries.tenant_id and action.person = tries.person
    and action.session_id is not distinct from tries.session_id and action.page_slug is not distinct from tries.page_slug
    and action.timestamp between started_at and ended_at
where action.event_name = 'user.action'
group by all
order by form_id, actions desc, action_target
