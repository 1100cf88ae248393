-- How long errors stay unresolved, by type: of the times that their issues were opened, the share that was resolved, and the hours it took.
-- As issue_resolution_times counts them: an issue is opened by its first event, and again by one after it was resolved.
-- ledger: 184, 207
select
    error_type,
    count(distinct issue_id) as issues,
    count(*) as times_opened,
    count(resolved_at) as times_resolved,
    round(count(resolved_at) / count(*), 4) as resolved_share,
    round(avg(hours_to_resolution), 2) as average_hours,
    round(median(hours_to_resolution), 2) as median_hours
from issue_resolution_times
group by error_type
order by times_opened desc, error_type
