-- The statements that take the database's time: calls, time in all, median and P95. Milliseconds.
-- ledger: 76-79, 183
select
    query_hash,
    query_type,
    table_name,
    count(*) as calls,
    round(sum(duration_ns) / 1e6, 1) as total_ms,
    round(median(duration_ns) / 1e6, 1) as median_ms,
    round(quantile_cont(duration_ns, 0.95) / 1e6, 1) as p95_ms,
    count(*) filter (slow_query) as slow,
    count(*) filter (error) as errors,
    any_value(query_text) as statement
from database_performance_metrics
group by query_hash, query_type, table_name
order by total_ms desc, query_hash
limit cast(coalesce(getvariable('top'), 20) as integer)
