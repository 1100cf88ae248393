-- Which user an anonymous id belongs to, and when: to the user whom an event names beside it next; after the last such event, to the last.
-- So what somebody did before logging in is theirs. A row is one stretch: after `after_unix_nano` (NULL: from the beginning), up to and with
-- `until_unix_nano` (NULL: for ever). Most ids have one row, without either.
-- Only the events of ids that several users share are put in order.
with pair as (
    select tenant_id, anonymous_id, user_id, time_unix_nano, event_key from events where anonymous_id <> '' and user_id <> ''
),
named as (
    select tenant_id, anonymous_id, user_id, min(time_unix_nano) as first_unix_nano, max(time_unix_nano) as last_unix_nano
    from pair
    group by tenant_id, anonymous_id, user_id
),
shared as (
    select tenant_id, anonymous_id from named group by tenant_id, anonymous_id having count(*) > 1
),
change as (
    select
        tenant_id, anonymous_id, user_id, time_unix_nano, event_key,
        user_id is distinct from lag(user_id) over (partition by tenant_id, anonymous_id order by time_unix_nano, event_key) as begins
    from pair semi join shared using (tenant_id, anonymous_id)
),
numbered as (
    select *, count_if(begins) over (partition by tenant_id, anonymous_id order by time_unix_nano, event_key) as number from change
),
stretch as (
    select * from named anti join shared using (tenant_id, anonymous_id)
    union all by name
    select tenant_id, anonymous_id, user_id, min(time_unix_nano) as first_unix_nano, max(time_unix_nano) as last_unix_nano
    from numbered
    group by tenant_id, anonymous_id, user_id, number
)
select
    anonymous_id,
    user_id,
    lag(last_unix_nano) over id as after_unix_nano,
    case when lead(last_unix_nano) over id is not null then last_unix_nano end as until_unix_nano,
    make_timestamptz(first_unix_nano // 1000) as first_named,
    make_timestamptz(last_unix_nano // 1000) as last_named,
    tenant_id
from stretch
window id as (partition by tenant_id, anonymous_id order by first_unix_nano, last_unix_nano)
