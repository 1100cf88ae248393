-- Time spent in features: seconds in all, for each person and for each use.
-- The time of a page is that of its views (time_on_page), that of a feature what user.feature_used says (duration). Views and uses whose
-- time nobody knows, such as the last view of a session that never told its end, count as none.
-- ledger: 196
with times as (
    select page_slug as feature, coalesce(user_id, anonymous_id) as person, time_on_page as seconds
    from user_page_views
    where is_bot is not true
    union all
    select properties ->> 'feature_name', person, try_cast(properties ->> 'duration' as double)
    from user_activity
    where event_name = 'user.feature_used'
)
select
    feature,
    count(*) as uses,
    round(sum(seconds), 1) as seconds,
    round(sum(seconds) / nullif(count(distinct person), 0), 1) as seconds_per_person,
    round(median(seconds), 1) as median_seconds,
    round(quantile_cont(seconds, 0.9), 1) as p90_seconds
from times
where seconds is not null and feature <> ''
group by feature
order by seconds desc, feature
