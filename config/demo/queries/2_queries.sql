-- The slowest queries
select
    query_type as type,
    table_name as "table",
    count(*) as queries,
    round(quantile_cont(query_duration_ms, 0.5), 1) as p50_ms,
    max(query_duration_ms) as max_ms,
    count(*) filter (slow_query) as slow,
    left(any_value(query_text), 60) as statement
from database_performance_metrics
where ingested_at >= $since
group by query_hash, query_type, table_name
order by max_ms desc, queries desc
limit 8
