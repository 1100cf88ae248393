-- issue_rows, and the issue that each counts for.
select event.* exclude (own_id), coalesce(link.current_issue_id, own_id) as issue_id, link.merged_at
from (select *, issue_of(tenant_id, service_name, fingerprint, previous_fingerprint) as own_id from issue_rows) event
left join current_issues link on own_id = link.issue_id
