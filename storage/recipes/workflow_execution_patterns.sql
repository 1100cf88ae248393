-- When and by what workflows are executed: by weekday (1 is Monday), hour and kind of trigger, busiest first.
-- An execution counts once, at its start (where that was not told, at its end); hours are of the session's time zone (UTC unless set).
-- usages: U-workflow.execution_started-1
-- ledger: 254, 276
select
    tenant_id,
    isodow(coalesce(started_at, ended_at)) as weekday,
    hour(coalesce(started_at, ended_at)) as hour,
    coalesce(trigger_type, 'unknown') as trigger_type,
    count(*) as executions,
    round(median(input_bytes), 3) as median_input_bytes
from workflow_executions
group by all
order by tenant_id, executions desc, weekday, hour, trigger_type
