-- How people look for things: the share of sessions that search, searches in each, and how often a search is refined.
-- Refined is a search without a click that another one of the session follows within a minute.
-- usages: U-user.search_performed-4, U-user.search_performed-2
with searches as (
    select
        tenant_id,
        session_id,
        coalesce(properties ->> 'clicked_result', '') = ''
            and lead(timestamp) over (partition by tenant_id, session_id order by timestamp) - timestamp <= interval 1 minute as refined
    from user_activity
    where event_name = 'user.search_performed' and session_id is not null
)
select
    (select count(distinct session_id) from user_activity) as sessions,
    count(distinct session_id) as sessions_with_search,
    round(count(distinct session_id) / nullif((select count(distinct session_id) from user_activity), 0), 4) as share,
    round(count(*) / nullif(count(distinct session_id), 0), 2) as searches_per_session,
    round(count(*) filter (refined) / nullif(count(*), 0), 4) as refined_share
from searches
