-- Issues that are resolved, and those that were merged into one that is: what the tables of errors show as resolved. One row an issue, by
-- the id that its errors have of themselves: so DuckDB leaves the join out of an aggregate that does not ask for it.
with resolved as (
    select unnest(list({'issue_id': own.issue_id, 'at': state.resolved_at, 'by': state.resolved_by})) as issue
    from issue_states state
    join (
        select issue_id, current_issue_id from current_issues
        union all
        select distinct issue_id, issue_id as current_issue_id from issue_activity
    ) own on own.current_issue_id = state.issue_id
    where state.status = 'resolved'
)
select issue.issue_id, true as resolved, any_value(issue.at) as resolved_at, any_value(issue.by) as resolved_by
from resolved
group by issue.issue_id
