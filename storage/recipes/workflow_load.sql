-- Load by hour: executions started, most that ran at the same time, and their input.
-- An execution runs from its start to its end; where no end was told, for its estimated duration, and without that it counts as started
-- only. Hours in which nothing started or ended are left out.
-- usages: U-workflow.execution_started-2
-- ledger: 254, 276
with running as (
    select
        tenant_id,
        coalesce(started_at, ended_at - to_microseconds(try_cast(duration_s * 1e6 as bigint))) as started,
        coalesce(ended_at, started_at + to_microseconds(try_cast(estimated_duration_s * 1e6 as bigint))) as ended,
        input_bytes
    from workflow_executions
),
changes as (
    select tenant_id, started as changed_at, 1 as started_now, case when ended is not null then 1 else 0 end as more, input_bytes
    from running
    where started is not null
    union all
    select tenant_id, ended, 0, -1, null
    from running
    where started is not null and ended is not null
),
counted as (
    -- of what happens at the same moment, ends come first
    select *, sum(more) over (partition by tenant_id order by changed_at, more rows between unbounded preceding and current row) as at_once
    from changes
)
select
    tenant_id,
    date_trunc('hour', changed_at) as hour,
    cast(sum(started_now) as bigint) as started,
    cast(max(greatest(at_once, at_once - more)) as bigint) as most_at_once,
    cast(sum(input_bytes) as bigint) as input_bytes
from counted
group by all
order by all
