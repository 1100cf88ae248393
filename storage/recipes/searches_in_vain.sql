-- What cannot be found: terms that gave no results, or results that nobody clicked, the most common first.
-- usages: U-user.search_performed-3, U-user.search_performed-1
select
    lower(trim(properties ->> 'search_query')) as term,
    coalesce(properties ->> 'search_category', 'unknown') as category,
    count(*) as searches,
    count(distinct person) as people,
    count(*) filter (try_cast(properties ->> 'results_count' as integer) = 0) as without_results,
    count(*) filter (try_cast(properties ->> 'results_count' as integer) > 0) as without_a_click
from user_activity
where event_name = 'user.search_performed' and coalesce(properties ->> 'clicked_result', '') = ''
group by term, category
order by searches desc, term
limit cast(coalesce(getvariable('top'), 50) as integer)
