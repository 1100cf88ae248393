-- Which rows of issue_rows are events of the issues that the beginning of an id means? Of an issue that was merged, those of what it is part of.
-- $beginning is lower-case hexadecimal digits without dashes.
select * exclude (issue_id, merged_at)
from named_issue_rows
where starts_with(replace(cast(issue_id as varchar), '-', ''), $beginning) or issue_id in (
    select current_issue_id from issue_links where starts_with(replace(cast(issue_id as varchar), '-', ''), $beginning)
);
