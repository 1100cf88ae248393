-- How long errors stay unresolved, by type: the share that is resolved, and the hours from the error to its resolution.
-- Resolved is what error_logs says (resolved, resolved_at); until something resolves errors, every share is 0.
-- ledger: 184, 207
select
    error_type,
    count(*) as errors,
    count(*) filter (resolved) as resolved_errors,
    round(count(*) filter (resolved) / count(*), 4) as resolved_share,
    round(avg(epoch(resolved_at - error_timestamp)) filter (resolved) / 3600, 2) as average_hours,
    round(median(epoch(resolved_at - error_timestamp)) filter (resolved) / 3600, 2) as median_hours
from error_logs
group by error_type
order by errors desc, error_type
