-- Which event of an issue is the latest?
select *
from issue_events
where issue_id = $issue_id
order by error_timestamp desc, event_id
limit 1;
