-- Errors, each once; resolved while their issue is. issue_id is the issue that each counts for.
-- Each join finds one row at most, so that an aggregate which does not ask for what is resolved is spared that join.
select
    error.* exclude (ordinal) replace (
        coalesce(link.current_issue_id, error.issue_id) as issue_id,
        coalesce(resolution.resolved, false) as resolved,
        resolution.resolved_at as resolved_at,
        resolution.resolved_by as resolved_by
    )
from errors_once error
left join current_issues link on error.issue_id = link.issue_id
left join issue_resolutions resolution on error.issue_id = resolution.issue_id
