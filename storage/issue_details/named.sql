-- Which issues does the beginning of an id mean? Those whose id begins so, and those that such an issue was merged into.
-- $beginning is lower-case hexadecimal digits without dashes.
select *
from issues
where len(list_filter(
    list_append(merged_issue_ids, issue_id), lambda id: starts_with(replace(cast(id as varchar), '-', ''), $beginning)
)) > 0 or starts_with(replace(cast(issue_id as varchar), '-', ''), $beginning)
order by last_seen desc, issue_id
limit $limit;
