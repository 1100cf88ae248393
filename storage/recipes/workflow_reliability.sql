-- Reliability by day: executions that ended, completed at the first attempt, completed after a retry, failed for good.
-- An execution counts once, on the day it ended, whatever its number of attempts.
-- usages: U-workflow.execution_failed-1
-- ledger: 256, 276
select
    tenant_id,
    cast(ended_at as date) as day,
    count(*) as ended,
    count(*) filter (status = 'completed' and failed_attempts = 0) as completed_at_once,
    count(*) filter (status = 'completed' and failed_attempts > 0) as completed_after_retry,
    count(*) filter (status = 'failed') as failed,
    round(count(*) filter (status = 'completed') / count(*), 4) as completed_share
from workflow_executions
where status <> 'started'
group by all
order by all
