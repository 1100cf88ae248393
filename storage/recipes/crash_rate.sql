-- Crash rate by day and release: crashes, the share of sessions and of people that had none, and crashes for each 1,000 sessions.
-- As crash_free counts them: a session counts on the UTC day on which it began; a service that tells of no sessions has no rate.
-- ledger: 184, 205
select
    dt as day,
    service_name,
    environment,
    release,
    crashes,
    sessions,
    round(crash_free_sessions, 4) as crash_free_sessions,
    users as people,
    round(crash_free_users, 4) as crash_free_people,
    round(1000 * crashes / nullif(sessions, 0), 1) as crashes_per_1000_sessions
from crash_free
order by day, service_name, environment, release, tenant_id
