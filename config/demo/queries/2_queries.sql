-- The slowest queries
select
    query_type as type,
    table_name as "table",
    count(*) as queries,
    round(quantile_cont(duration_ns, 0.5) / 1e6, 1) as p50_ms,
    round(max(duration_ns) / 1e6, 1) as max_ms,
    count(*) filter (slow_query) as slow,
    left(any_value(query_text), 60) as statement
from database_performance_metrics
where ingested_at >= $since
group by query_hash, query_type, table_name
order by max_ms desc, queries desc
limit 8
