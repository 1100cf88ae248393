-- Attacks on logins: brute force against one user, and spraying from one address over many users.
-- Brute force is five failures or more within ten minutes against one user; spraying as many from one address, against three users or
-- more. Told with whether a login succeeded there from the first failure until an hour after the last. A row is a target and day.
-- Addresses are keyed hashes, which change every day.
-- usages: U-security.login_attempt-2
with attempts as (
    select tenant_id, user_id, ip_address, timestamp, properties ->> 'success' = 'true' as success
    from events
    where event_name = 'security.login_attempt'
),
against as (
    select 'brute_force' as threat, tenant_id, user_id as target, timestamp, success, user_id from attempts where user_id is not null
    union all
    select 'spraying', tenant_id, ip_address, timestamp, success, user_id from attempts where ip_address is not null
),
counted as (
    select
        *,
        count(*) filter (not success) over ten_minutes as failures,
        list_unique(list(user_id) filter (not success) over ten_minutes) as users
    from against
    window ten_minutes as (
        partition by threat, tenant_id, target order by timestamp range between interval 10 minute preceding and current row
    )
),
threats as (
    select
        threat, tenant_id, target,
        min(timestamp) as first_seen,
        max(timestamp) as last_seen,
        max(failures) as failures,
        max(users) as users
    from counted
    where failures >= cast(coalesce(getvariable('failures'), 5) as integer) and not success and (threat = 'brute_force' or users >= 3)
    group by threat, tenant_id, target, cast(timestamp as date)
)
select
    threat,
    target,
    first_seen,
    last_seen,
    failures as failures_within_10_minutes,
    users,
    exists (
        select 1
        from against
        where against.threat = threats.threat and against.tenant_id = threats.tenant_id and against.target = threats.target
            and success and timestamp between first_seen and last_seen + interval 1 hour
    ) as succeeded_after
from threats
order by last_seen desc, threat, target
