-- Which values did a metric have in a span of time? The newest first.
-- $paths are JSON pointers to attributes, $values their texts, all of which must hold; $start is inclusive, $end exclusive, NULL is no bound.
-- A histogram's or summary's value is its mean.
select
    timestamp,
    metric_name as name,
    coalesce(value_double, value_int, sum / nullif(count, 0)) as value,
    unit,
    try_cast(coalesce(attributes, '{}') as json) as tags,
    metric_type,
    organization_id,
    service_name,
    environment
from metric_points
where
    metric_name = $name
    and coalesce(value_double, value_int, sum / nullif(count, 0)) is not null
    and json_extract_string(coalesce(attributes, '{}'), $paths) = $values
    and ($start is null or timestamp >= $start)
    and ($end is null or timestamp < $end)
order by time_unix_nano desc, payload_digest, item_index
limit $limit offset $offset;
