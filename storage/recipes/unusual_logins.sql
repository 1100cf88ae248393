-- Unusual logins: from a device that the user never had before, or at an hour unlike all earlier ones; the newest first.
-- A device is type, browser and system; unlike is an hour of the day 6 hours or more from every earlier login. A user's first five
-- logins only teach what is usual. Hours are of the session's time zone (UTC unless set). Addresses do not help here: their hashes
-- change every day.
-- usages: U-user.login-4, U-security.login_attempt-2
with logins as (
    select
        user_id,
        timestamp,
        concat_ws(' / ', device_type, browser, os) as device,
        hour(timestamp) as hour,
        row_number() over earlier as number,
        list(concat_ws(' / ', device_type, browser, os)) over before as devices_before,
        list(hour(timestamp)) over before as hours_before
    from events
    where event_name = 'user.login' and user_id is not null
    window
        earlier as (partition by tenant_id, user_id order by timestamp),
        before as (partition by tenant_id, user_id order by timestamp rows between unbounded preceding and 1 preceding)
),
judged as (
    select
        *,
        not list_contains(devices_before, device) as new_device,
        list_min(list_transform(hours_before, lambda known: least(abs(known - hour), 24 - abs(known - hour)))) >= 6 as unusual_hour
    from logins
    where number > 5
)
select user_id, timestamp, device, new_device, unusual_hour, number - 1 as logins_before
from judged
where new_device or unusual_hour
order by timestamp desc, user_id
