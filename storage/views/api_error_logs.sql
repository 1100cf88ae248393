-- Failed requests; resolved while their issue is. issue_id is the issue that each counts for.
-- What is not asked for is not joined: each join finds at most one row.
select
    error.* replace (
        coalesce(current_issue_id, error.issue_id) as issue_id,
        coalesce(is_resolved, false) as resolved,
        state.resolved_at as resolved_at,
        state.resolved_by as resolved_by
    )
from api_error_logs_mapped error
left join (
    select issue_id, any_value(current_issue_id) as current_issue_id from issue_links group by issue_id
) link on error.issue_id = link.issue_id
left join (
    select
        issue_id, bool_or(status = 'resolved') as is_resolved, any_value(resolved_at) as resolved_at, any_value(resolved_by) as resolved_by
    from issue_states group by issue_id
) state on coalesce(current_issue_id, error.issue_id) = state.issue_id
