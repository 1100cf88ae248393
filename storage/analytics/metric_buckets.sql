-- What was a metric over time? One row for each bucket of $bucket_us microseconds, or one in all where that is NULL; the oldest first.
-- $paths, $values, $start and $end are as in metrics.sql; $agg is avg, sum, min, max, count, p50, p95, p99 or rate (per second).
-- What is cumulative counts by its increases: the first of a series from 0 where the series began within the span, else not at all; a fall
-- is a new beginning.
-- A histogram counts as its values in avg, sum, min, max, count and rate; percentiles are those of single values.
with points as (
    select
        *,
        coalesce(value_double, value_int) as number,
        metric_type = 'sum' and temporality = 'cumulative' and is_monotonic as is_counter,
        metric_type <> 'sum' and temporality = 'cumulative' as is_total
    from metric_points
    where
        metric_name = $name
        and json_extract_string(coalesce(attributes, '{}'), $paths) = $values
        and ($end is null or timestamp < $end)
        and ($start is null or timestamp >= $start or temporality = 'cumulative')
),

neighbours as (
    select
        *,
        lag(number) over series as number_before,
        lag(sum) over series as sum_before,
        lag(count) over series as count_before,
        $start is null or start_time_unix_nano >= epoch_ns(try_cast($start as timestamptz)) as has_begun_within
    from points
    window series as (
        partition by
            tenant_id, service_name, service_instance_id, host_name, scope_name, unit, resource_attributes, attributes, start_time_unix_nano
        order by time_unix_nano, ingested_at, item_index
    )
),

amounts as (
    select
        timestamp,
        case
            when is_counter and number >= number_before then number - number_before
            when is_counter then case when number_before is not null or has_begun_within then number end
            else number
        end as number,
        case
            when is_total and count >= count_before then sum - sum_before
            when is_total then case when count_before is not null or has_begun_within then sum end
            else sum
        end as sum_of_many,
        case
            when is_total and count >= count_before then count - count_before
            when is_total then case when count_before is not null or has_begun_within then count end
            else count
        end as many,
        case when is_total then null else min end as min,
        case when is_total then null else max end as max
    from neighbours
    where $start is null or timestamp >= $start
),

values_and_histograms as (
    select
        *,
        case when $bucket_us is null then coalesce(try_cast($start as timestamptz), min(timestamp) over ()) else time_bucket(to_microseconds(try_cast($bucket_us as bigint)), timestamp) end
            as bucket,
        coalesce(try_cast($bucket_us as bigint), epoch_us(coalesce(try_cast($end as timestamptz), max(timestamp) over ())) - epoch_us(coalesce(try_cast($start as timestamptz), min(timestamp) over ()))) / 1e6
            as bucket_s
    from amounts
    where number is not null or many > 0
)

select
    bucket as timestamp,
    case $agg
        when 'count' then sum(coalesce(many, 1))
        when 'sum' then sum(coalesce(number, sum_of_many))
        when 'avg' then sum(coalesce(number, sum_of_many)) / sum(coalesce(many, 1))
        when 'min' then min(coalesce(number, min, sum_of_many / many))
        when 'max' then max(coalesce(number, max, sum_of_many / many))
        when 'p50' then quantile_cont(number, 0.5)
        when 'p95' then quantile_cont(number, 0.95)
        when 'p99' then quantile_cont(number, 0.99)
        when 'rate' then sum(coalesce(number, sum_of_many)) / nullif(any_value(bucket_s), 0)
    end as value
from values_and_histograms
group by bucket
order by bucket
limit $limit offset $offset;
