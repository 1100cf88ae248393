-- What arrived
select 'spans' as "table", count(*) as rows from spans where ingested_at >= $since
union all
select 'logs', count(*) from logs where ingested_at >= $since
union all
select 'metric_points', count(*) from metric_points where ingested_at >= $since
union all
select 'rejected_records', count(*) from rejected_records where ingested_at >= $since
