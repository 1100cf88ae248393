-- Sessions of users, each once: the stored parts of days that are over, and the parts of all other days, put together.
-- Parts with a session id are one session for each id. A visitor's other parts are one where at most 30 minutes lie between them and none
-- before was ended by user.logout or session.end; a session of more than 24 hours is cut at midnight UTC, where its parts begin.
with part as (
    select
        * exclude (
            id, session_start, session_end, session_duration, device_info, created_at, updated_at, is_bounce, is_derived, trace_id, span_id
        )
    from user_sessions_files
    union all by name
    select * from user_session_parts
),
beginning as (
    select
        session_key, dt, stretch,
        start_unix_nano // 1000 as start_us,
        end_unix_nano // 1000 as end_us,
        row_number() over visit as number,
        coalesce(start_us - max(end_us) over (visit rows between unbounded preceding and 1 preceding) > 1800000000
            or lag(ended_by) over visit is not null, true) as begins
    from part
    where visitor is not null
    window visit as (partition by session_key order by start_unix_nano, dt, stretch)
),
chain as (
    select *, count_if(begins) over (partition by session_key order by number) as chain from beginning
),
cut as (
    select
        session_key, dt, stretch, chain,
        case when max(end_us) over whole - min(start_us) over whole > 86400000000 then start_us // 86400000000 else 0 end as day
    from chain
    window whole as (partition by session_key, chain)
),
placed as (
    select
        part.*, chain, day,
        try_cast(start_unix_nano as hugeint) * 1099511627776 + (dt - date '1970-01-01') * 65536 + (stretch & 65535) as position
    from part left join cut using (session_key, dt, stretch)
),
whole as (
    select
        tenant_id, session_key, session_id, visitor,
        arg_max(user_id, position) as user_id,
        coalesce(arg_max(user_role, position) filter (where user_role <> 'anonymous'), 'anonymous') as user_role,
        arg_max(anonymous_id, position) as anonymous_id,
        arg_min(session_previous_id, position) as session_previous_id,
        min(start_unix_nano) as start_unix_nano,
        max(end_unix_nano) as end_unix_nano,
        arg_max(ended_by, position) as ended_by,
        flatten(list(pages_visited order by position))[:1000] as pages_visited,
        arg_min(entry_page, position) as entry_page,
        arg_max(exit_page, position) as exit_page,
        try_cast(sum(page_views_count) as integer) as page_views_count,
        try_cast(sum(actions_count) as integer) as actions_count,
        try_cast(sum(events_count) as integer) as events_count,
        arg_min(struct_pack(referrer, referrer_class, utm_source, utm_medium, utm_campaign, utm_term, utm_content), position)
            filter (where page_views_count > 0) as arrival,
        arg_min(struct_pack(device_type, browser, browser_version, os, os_version, user_agent, ip_address), position)
            filter (where coalesce(user_agent, device_type, ip_address) is not null) as device,
        arg_min(struct_pack(organization_id, service_name, service_version, environment), position) as origin,
        bool_or(is_bot) as is_bot,
        min(sample_rate) as sample_rate,
        arg_min(stretch, position) as stretch,
        bool_or(time_suspect) as time_suspect,
        min(first_ingested_at) as first_ingested_at,
        max(ingested_at) as ingested_at,
        min(dt) as dt
    from placed
    group by tenant_id, session_key, session_id, visitor, chain, day
),
named as (
    select
        * replace (coalesce(session_id, md5(concat_ws('/', tenant_id, visitor, start_unix_nano))) as session_id),
        session_id is null as is_derived
    from whole
)
select
    try_cast(md5(concat_ws('/', tenant_id, session_id, 'user_sessions')) as uuid) as id,
    session_id,
    user_id,
    user_role,
    anonymous_id,
    make_timestamptz(start_unix_nano // 1000) as session_start,
    make_timestamptz(end_unix_nano // 1000) as session_end,
    try_cast(round((end_unix_nano // 1000 - start_unix_nano // 1000) / 1e6) as integer) as session_duration,
    pages_visited,
    actions_count,
    try_cast(nullif(json_merge_patch('{}', json_object(
        'device_type', device.device_type, 'browser', device.browser, 'browser_version', device.browser_version,
        'os', device.os, 'os_version', device.os_version
    )), '{}') as json) as device_info,
    device.ip_address,
    device.user_agent,
    first_ingested_at as created_at,
    ingested_at as updated_at,
    entry_page,
    exit_page,
    page_views_count,
    events_count,
    page_views_count = 1 and actions_count = 0 as is_bounce,
    is_derived,
    is_bot,
    ended_by,
    session_previous_id,
    arrival.*,
    device.device_type,
    device.browser,
    device.browser_version,
    device.os,
    device.os_version,
    sample_rate,
    start_unix_nano,
    end_unix_nano,
    session_key,
    visitor,
    stretch,
    origin.*,
    try_cast(null as text) as trace_id,
    try_cast(null as text) as span_id,
    first_ingested_at,
    dt,
    time_suspect,
    ingested_at,
    tenant_id
from named
