-- Data through kinds of nodes, by day: bytes in and out, out for each byte in, bytes in for each second.
-- Ratios are of sums, over runs that say both.
-- usages: U-workflow.node_executed-3
-- ledger: 257, 276
with runs as (
    select
        tenant_id,
        cast(timestamp as date) as day,
        coalesce(properties ->> 'node_type', 'unknown') as node_type,
        try_cast(properties ->> 'data_input_size' as bigint) as input_bytes,
        try_cast(properties ->> 'data_output_size' as bigint) as output_bytes,
        try_cast(properties ->> 'execution_duration' as double) / 1000 as seconds
    from events
    where event_name = 'workflow.node_executed'
)
select
    tenant_id,
    day,
    node_type,
    count(*) as runs,
    cast(sum(input_bytes) as bigint) as input_bytes,
    round(cast(sum(output_bytes) as bigint), 3) as output_bytes,
    round(sum(output_bytes) filter (input_bytes is not null) / nullif(sum(input_bytes) filter (output_bytes is not null), 0), 3)
        as output_to_input,
    round(sum(input_bytes) filter (seconds is not null) / nullif(sum(seconds) filter (input_bytes is not null), 0), 3)
        as input_bytes_per_second
from runs
group by all
order by all
