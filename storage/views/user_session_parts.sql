-- What sessions did on each day whose sessions are not stored yet: one row a session and day, and for sessions without an id one for every
-- stretch of a day. `events_open` has the events of those days; once a day is over, maintenance stores what this says of it.
-- An event that was sent twice counts once a day, the first to arrive. user.session_expired is no activity.
-- `position` orders events and tells them apart: time, then 63 bits of the event's key; a hugeint holds them whatever the time.
with repeated as (
    select event_key from events_open group by event_key having count(*) > 1
),
once as not materialized (
    select * from events_open anti join repeated using (event_key)
    union all
    select * from events_open semi join repeated using (event_key)
    qualify row_number() over (partition by tenant_id, event_id, dt order by ingested_at, payload_digest, item_index) = 1
),
event as not materialized (
    select
        * exclude (session_id, user_id, anonymous_id),
        nullif(session_id, '') as session_id,
        nullif(user_id, '') as user_id,
        nullif(anonymous_id, '') as anonymous_id,
        case when coalesce(session_id, '') = '' then
            coalesce('user/' || nullif(user_id, ''), 'anonymous/' || nullif(anonymous_id, ''))
        end as visitor,
        time_unix_nano // 1000 as time_us,
        try_cast(time_unix_nano as hugeint) * 9223372036854775808 + (event_key & 9223372036854775807) as position,
        coalesce(nullif(page_slug, ''), page_path, '') as page,
        event_name = 'user.page_view' as is_view,
        event_name = 'user.action' as is_action,
        event_name in ('user.logout', 'session.end') as is_end
    from once
    where event_name <> 'user.session_expired'
),
beginning as (
    select
        tenant_id, dt, visitor, position,
        coalesce(
            time_us - lag(time_us) over visit > 1800000000 or time_us // 86400000000 <> lag(time_us // 86400000000) over visit
            or lag(is_end) over visit, true
        ) as begins
    from event
    where visitor is not null
    window visit as (partition by tenant_id, dt, visitor order by position)
),
stretches as (
    select tenant_id, dt, position, count_if(begins) over (partition by tenant_id, dt, visitor order by position) as stretch from beginning
),
sorted as (
    select event.*, coalesce(stretch, 0) as stretch
    from event left join stretches using (tenant_id, dt, position)
    where coalesce(session_id, visitor) is not null
),
grouped as (
    select
        tenant_id, dt, session_id, visitor, stretch,
        arg_max(user_id, position) as user_id,
        coalesce(arg_max(user_role, position) filter (where user_role <> 'anonymous'), 'anonymous') as user_role,
        arg_max(anonymous_id, position) as anonymous_id,
        arg_min(session_previous_id, position) as session_previous_id,
        min(time_unix_nano) as start_unix_nano,
        max(time_unix_nano) as end_unix_nano,
        arg_max(event_name, position) filter (where is_end) as ended_by,
        list(page order by position) filter (where is_view) as pages,
        count_if(is_view) as page_views_count,
        count_if(is_action) as actions_count,
        count(*) as events_count,
        arg_min(struct_pack(referrer, referrer_class, utm_source, utm_medium, utm_campaign, utm_term, utm_content), position)
            filter (where is_view) as arrival,
        arg_min(struct_pack(device_type, browser, browser_version, os, os_version, user_agent, ip_address), position)
            filter (where coalesce(user_agent, device_type, ip_address) is not null) as device,
        arg_min(struct_pack(organization_id, service_name, service_version, environment), position) as origin,
        coalesce(bool_or(is_bot), false) as is_bot,
        min(sample_rate) as sample_rate,
        bool_or(time_suspect) as time_suspect,
        min(ingested_at) as first_ingested_at,
        max(ingested_at) as ingested_at
    from sorted
    group by tenant_id, dt, session_id, visitor, stretch
)
select
    try_cast(md5_number_lower(concat_ws('/', tenant_id, coalesce('session/' || session_id, visitor))) >> 1 as bigint) as session_key,
    session_id,
    visitor,
    try_cast(stretch as integer) as stretch,
    start_unix_nano,
    end_unix_nano,
    user_id,
    user_role,
    anonymous_id,
    session_previous_id,
    ended_by,
    coalesce(pages[:1000], []) as pages_visited,
    pages[1] as entry_page,
    pages[-1] as exit_page,
    try_cast(page_views_count as integer) as page_views_count,
    try_cast(actions_count as integer) as actions_count,
    try_cast(events_count as integer) as events_count,
    arrival.*,
    device.*,
    is_bot,
    sample_rate,
    origin.*,
    time_suspect,
    first_ingested_at,
    ingested_at,
    dt,
    tenant_id
from grouped
