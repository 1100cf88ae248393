-- Tries to fill a form, one row each: what form.start, form.error, form.submit and form.abandon of one person, session and form say,
-- from one form.start to the next. Submitted is a try that holds a form.submit, abandoned any other, whether form.abandon told it or not.
-- seconds: to the last submission, as it says itself (duration), else since the start; of an abandoned try, to its last event.
with numbered as (
    select
        *,
        properties ->> 'form_id' as form_id,
        count(*) filter (event_name = 'form.start') over (
            partition by tenant_id, person, session_id, properties ->> 'form_id' order by time_unix_nano, event_id
            rows between unbounded preceding and current row
        ) as try_number
    from user_activity
    where event_name in ('form.start', 'form.error', 'form.submit', 'form.abandon')
)
select
    tenant_id,
    person,
    session_id,
    form_id,
    try_number,
    any_value(user_role) as user_role,
    any_value(page_slug) as page_slug,
    min(timestamp) as started_at,
    max(timestamp) as ended_at,
    bool_or(event_name = 'form.submit') as submitted,
    coalesce(
        arg_max(try_cast(properties ->> 'duration' as double), time_unix_nano) filter (event_name in ('form.submit', 'form.abandon')),
        epoch(coalesce(max(timestamp) filter (event_name = 'form.submit'), max(timestamp)) - min(timestamp))
    ) as seconds,
    max(try_cast(properties ->> 'fields_filled' as integer)) as fields_filled,
    greatest(
        count(*) filter (event_name = 'form.error'), coalesce(max(try_cast(properties ->> 'error_count' as integer)), 0)
    ) as errors,
    min(dt) as dt
from numbered
group by tenant_id, person, session_id, form_id, try_number
