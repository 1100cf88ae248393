-- Issues that are resolved, and those that were merged into one that is: what the tables of errors show as resolved. One row an issue, by
-- the id that its errors have of themselves: so DuckDB leaves the join out where nobody asks for it.
select issue_id, true as resolved, any_value(resolved_at) as resolved_at, any_value(resolved_by) as resolved_by
from (
    select own.issue_id, state.resolved_at, state.resolved_by
    from issue_states state
    join (
        select issue_id, current_issue_id from issue_links
        union all
        select distinct issue_id, issue_id as current_issue_id from issue_activity
    ) own on own.current_issue_id = state.issue_id
    where state.status = 'resolved'
)
group by issue_id
