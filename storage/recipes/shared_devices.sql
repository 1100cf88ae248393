-- Devices that several users log in from: a sign of shared or stolen credentials; the ones with the most users first.
-- A device is the device_fingerprint of security.login_attempt.
-- usages: U-security.login_attempt-4
select
    properties ->> 'device_fingerprint' as device,
    count(distinct user_id) as users,
    list_sort(list(distinct user_id)) as user_ids,
    count(*) as attempts,
    count(*) filter (properties ->> 'success' = 'false') as failures,
    count(*) filter (properties ->> 'suspicious_activity' = 'true') as suspicious,
    max(timestamp) as last_seen
from events
where event_name = 'security.login_attempt' and properties ->> 'device_fingerprint' <> '' and user_id is not null
group by device
having count(distinct user_id) > 1
order by users desc, suspicious desc, device
