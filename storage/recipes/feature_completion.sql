-- Feature completion and abandonment: of the times that people began something on a page or in a feature, the share that they finished.
-- Begun and finished are tries of forms (see form_tries) by the page on which the form is, and uses of features: user.feature_used with
-- the context {"step": "start"} begins, {"step": "complete"} of the same feature later in the session finishes. What is not finished is
-- abandoned.
-- ledger: 197-198
with begun as (
    select coalesce(page_slug, form_id) as feature, submitted as is_finished
    from form_tries
    union all
    select
        feature,
        coalesce(lead(properties ->> '$.context.step') over (
            partition by tenant_id, person, session_id, feature order by time_unix_nano, event_id
        ) = 'complete', false)
    from user_activity
    where event_name = 'user.feature_used' and properties ->> '$.context.step' in ('start', 'complete')
    qualify properties ->> '$.context.step' = 'start'
)
select
    feature,
    count(*) as begun,
    count(*) filter (is_finished) as finished,
    round(count(*) filter (is_finished) / count(*), 4) as completion_rate,
    round(count(*) filter (not is_finished) / count(*), 4) as abandonment_rate
from begun
group by feature
order by count(*) desc, feature
