-- What people search for: the most common terms, with results and clicks.
-- Terms are told in lower case and trimmed.
-- usages: U-user.search_performed-2
select
    lower(trim(properties ->> 'search_query')) as term,
    count(*) as searches,
    count(distinct person) as people,
    round(avg(try_cast(properties ->> 'results_count' as integer)), 1) as results,
    round(count(*) filter (coalesce(properties ->> 'clicked_result', '') <> '') / count(*), 4) as click_rate,
    mode(properties ->> 'clicked_result') as most_clicked
from user_activity
where event_name = 'user.search_performed' and trim(properties ->> 'search_query') <> ''
group by term
order by searches desc, term
limit cast(coalesce(getvariable('top'), 50) as integer)
