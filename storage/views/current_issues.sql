-- The issue that the events of another one count for, and since when; one row an issue. Of an unnested list DuckDB expects few rows, and has
-- errors stream past them.
select link.issue_id, any_value(link.current_issue_id) as current_issue_id, any_value(link.merged_at) as merged_at
from (select unnest(list({'issue_id': issue_id, 'current_issue_id': current_issue_id, 'merged_at': merged_at})) as link from issue_links)
group by link.issue_id
