-- Off-hours usage: what is done outside business hours and at weekends, by role.
-- Business hours are Monday to Friday, 9 to 17 unless set, in the session's time zone (UTC unless set).
-- usages: U-user.login-4
-- ledger: 66
with marked as (
    select
        user_role,
        person,
        isodow(timestamp) > 5
            or hour(timestamp) < cast(coalesce(getvariable('business_begins'), 9) as integer)
            or hour(timestamp) >= cast(coalesce(getvariable('business_ends'), 17) as integer) as is_off_hours
    from user_activity
)
select
    user_role,
    count(*) as events,
    count(*) filter (is_off_hours) as off_hours_events,
    round(count(*) filter (is_off_hours) / count(*), 4) as off_hours_share,
    count(distinct person) filter (is_off_hours) as off_hours_people
from marked
group by user_role
order by off_hours_events desc, user_role
