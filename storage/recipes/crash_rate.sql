-- Crash rate by day and release: crashes, the share of sessions that had none, and crashes for each 1,000 sessions.
-- Sessions are those that began that day with an event of that release (service_version); a service that tells of no sessions has none
-- here, and no rate.
-- ledger: 184, 205
with crashed as (
    select
        cast(crash_timestamp as date) as day,
        coalesce(release_version, '') as release,
        count(*) as crashes,
        count(distinct session_id) as crashed_sessions,
        count(distinct user_id) as people
    from crash_reports
    group by all
),
begun as (
    select cast(session_start as date) as day, coalesce(service_version, '') as release, count(*) as sessions
    from user_sessions
    where not is_bot
    group by all
)
select
    day,
    release,
    coalesce(crashes, 0) as crashes,
    coalesce(people, 0) as people,
    sessions,
    case when sessions is not null then round(greatest(1 - coalesce(crashed_sessions, 0) / sessions, 0), 4) end as crash_free_sessions,
    round(1000 * coalesce(crashes, 0) / sessions, 1) as crashes_per_1000_sessions
from begun
full join crashed using (day, release)
order by day, release
