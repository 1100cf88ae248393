-- The most common errors, by issue: the frame to blame, the latest message, the page, how often, for how many people, first and last.
-- Errors stored by a release that grouped none count by their message.
-- ledger: 184, 208
select
    error_type,
    exception_type,
    any_value(culprit) as culprit,
    arg_max(error_message, (error_timestamp, error_message)) as message,
    count(*) as errors,
    count(distinct user_id) as people,
    mode(page_slug) as page_slug,
    min(error_timestamp) as first_seen,
    max(error_timestamp) as last_seen
from error_logs
group by error_type, exception_type, issue_id, case when issue_id is null then error_message end
order by errors desc, message
limit cast(coalesce(getvariable('top'), 20) as integer)
