-- How well the search works, by category: searches without results, with a click on one, filters, how long it took.
-- A click is a clicked_result of the search. Milliseconds.
-- usages: U-user.search_performed-1
select
    coalesce(properties ->> 'search_category', 'unknown') as category,
    count(*) as searches,
    count(distinct person) as people,
    round(count(*) filter (try_cast(properties ->> 'results_count' as integer) = 0) / count(*), 4) as without_results,
    round(count(*) filter (coalesce(properties ->> 'clicked_result', '') <> '') / count(*), 4) as click_rate,
    round(count(*) filter (len(coalesce(json_keys(properties, '$.search_filters'), [])) > 0) / count(*), 4) as filtered,
    round(avg(try_cast(properties ->> 'results_count' as integer)), 1) as results,
    round(median(try_cast(properties ->> 'search_duration' as double)), 1) as median_ms,
    round(quantile_cont(try_cast(properties ->> 'search_duration' as double), 0.95), 1) as p95_ms
from user_activity
where event_name = 'user.search_performed'
group by category
order by searches desc, category
