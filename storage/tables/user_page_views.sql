-- Views of pages: the events user.page_view, each once. A view without files: it reads `events`, so that late events correct it.
create table user_page_views (
    id                 uuid not null,
    user_id            text,
    user_role          text not null default 'anonymous',
    anonymous_id       text,
    session_id         text,
    page_slug          text not null default '',
    page_path          text not null default '',
    page_title         text,
    url                text,
    referrer           text,
    referrer_class     text,
    view_timestamp     timestamptz not null,
    time_on_page       integer,
    scroll_depth       integer,
    interactions_count integer not null default 0,
    device_info        json,
    is_bot             boolean,
    created_at         timestamptz not null,
    organization_id    text not null,
    service_name       text not null,
    service_version    text,
    environment        text not null,
    scope_name         text,
    trace_id           text,
    span_id            text,
    event_id           text not null,
    dt                 date not null,
    time_suspect       boolean not null,
    ingested_at        timestamptz not null,
    tenant_id          text not null
);

comment on column user_page_views.id is 'as in events';
comment on column user_page_views.user_id is 'user.id, as in events';
comment on column user_page_views.user_role is 'role of the user; anonymous where there is none';
comment on column user_page_views.anonymous_id is 'enduser.pseudo.id: who it was before anybody logged in';
comment on column user_page_views.session_id is 'session.id; NULL where there is none, which is no session';
comment on column user_page_views.page_slug is 'identifier of the page, never with ids in it; empty where no page is named';
comment on column user_page_views.page_path is 'path of the page; empty where none is named';
comment on column user_page_views.page_title is 'title of the page';
comment on column user_page_views.url is 'url.full';
comment on column user_page_views.referrer is 'page before, as path or URL';
comment on column user_page_views.referrer_class is 'direct, internal, search, social, campaign or referral';
comment on column user_page_views.view_timestamp is 'when it was viewed';
comment on column user_page_views.time_on_page is 'seconds: as user.page_leave says, else until that; without one until the next view of the session, or its last event; else what the view says; NULL where nothing tells';
comment on column user_page_views.scroll_depth is 'how far it was scrolled, 0-100 percent: the most that user.page_leave says, else what the view says';
comment on column user_page_views.interactions_count is 'how many user.action events came before the next view of the session, or what the view says where that is more';
comment on column user_page_views.device_info is 'device, browser and system, as in events';
comment on column user_page_views.is_bot is 'whether it was a machine; NULL where unknown';
comment on column user_page_views.created_at is 'when the collector accepted it';
comment on column user_page_views.organization_id is 'organization.id of the record, else organization_id, else of its resource, else the tenant';
comment on column user_page_views.service_name is 'service.name of the resource; unknown where absent';
comment on column user_page_views.service_version is 'service.version of the resource';
comment on column user_page_views.environment is 'deployment.environment.name of the resource, else deployment.environment; unknown where absent';
comment on column user_page_views.scope_name is 'name of the instrumentation scope: who reported it, where two packages on one page report the same';
comment on column user_page_views.trace_id is '32 lower-case hex digits; NULL where there is none';
comment on column user_page_views.span_id is '16 lower-case hex digits; NULL where there is none';
comment on column user_page_views.event_id is 'the event that it is, as in events';
comment on column user_page_views.dt is 'UTC date of the row''s own time, or of arrival where that time is suspect';
comment on column user_page_views.time_suspect is 'true where the row''s own time is more than 90 days before or 1 hour after arrival, or missing';
comment on column user_page_views.ingested_at is 'when the collector accepted the payload';
comment on column user_page_views.tenant_id is 'whose token sent it; a sender cannot set it';

-- Who has no session is followed by user, else by anonymous id, and a pause of more than 30 minutes tells no time on page.
-- Tabs of one session overlap: a user.page_leave belongs to the last view before it of its page load and path, else of its path; one
-- without a path to the last view of all.
with step as (
    select
        tenant_id, event_key, ingested_at, time_unix_nano, event_name, properties,
        nullif(session_id, '') as session_id,
        coalesce(
            'session/' || nullif(session_id, ''), 'user/' || nullif(user_id, ''), 'anonymous/' || nullif(anonymous_id, '')
        ) as visitor,
        nullif(page_path, '') as page_path
    from events
    where coalesce(nullif(session_id, ''), nullif(user_id, ''), anonymous_id) <> ''
),
numbered as (
    select
        *,
        count_if(event_name = 'user.page_view') over (
            partition by tenant_id, visitor order by time_unix_nano, event_key rows unbounded preceding
        ) as number
    from step
),
page as (
    select
        * exclude (properties),
        case when event_name = 'user.page_view' then number end as view_number,
        json_extract_string(properties, '$."browser.page_load.id"') as page_load_id,
        try_cast(json_extract_string(properties, '$.time_on_page') as double) as stayed_s,
        try_cast(json_extract_string(properties, '$.scroll_depth') as double) as scrolled
    from numbered
    where event_name in ('user.page_view', 'user.page_leave')
),
owned as (
    select
        *,
        coalesce(
            case when page_load_id is not null then max(view_number) over of_load end,
            case when page_path is not null then max(view_number) over of_path else number end
        ) as owner
    from page
    window
        of_load as (
            partition by tenant_id, visitor, page_load_id, page_path order by time_unix_nano, event_key rows unbounded preceding
        ),
        of_path as (partition by tenant_id, visitor, page_path order by time_unix_nano, event_key rows unbounded preceding)
),
departure as (
    select
        tenant_id, visitor,
        owner as number,
        max(time_unix_nano) as left_unix_nano,
        max(stayed_s) as stayed_s,
        max(scrolled) as scrolled
    from owned
    where event_name = 'user.page_leave'
    group by tenant_id, visitor, owner
),
visit as (
    select
        tenant_id, visitor, session_id, number,
        arg_min(event_key, (time_unix_nano, event_key)) as event_key,
        arg_min(ingested_at, (time_unix_nano, event_key)) as ingested_at,
        min(time_unix_nano) as viewed_unix_nano,
        lead(viewed_unix_nano) over (partition by tenant_id, visitor order by number) as next_unix_nano,
        max(time_unix_nano) as last_unix_nano,
        count_if(event_name = 'user.action') as actions
    from numbered
    where number > 0
    group by tenant_id, visitor, session_id, number
),
stay as (
    select
        event_key, ingested_at, actions, stayed_s, scrolled,
        (left_unix_nano - viewed_unix_nano) / 1e9 as until_left_s,
        (coalesce(next_unix_nano, nullif(last_unix_nano, viewed_unix_nano)) - viewed_unix_nano) / 1e9 as seen_s,
        case when session_id is not null or seen_s <= 1800 then seen_s end as followed_s
    from visit left join departure using (tenant_id, visitor, number)
)
select
    view.id,
    view.user_id,
    view.user_role,
    view.anonymous_id,
    view.session_id,
    coalesce(view.page_slug, '') as page_slug,
    coalesce(view.page_path, '') as page_path,
    view.page_title,
    view.url,
    view.referrer,
    view.referrer_class,
    view.timestamp as view_timestamp,
    try_cast(round(coalesce(
        least(stay.stayed_s, stay.until_left_s),  -- least() skips NULL
        stay.followed_s,
        try_cast(json_extract_string(view.properties, '$.time_on_page') as double)
    )) as integer) as time_on_page,
    try_cast(round(coalesce(stay.scrolled, try_cast(json_extract_string(view.properties, '$.scroll_depth') as double))) as integer)
        as scroll_depth,
    greatest(
        try_cast(stay.actions as integer), try_cast(json_extract_string(view.properties, '$.interactions_count') as integer), 0
    ) as interactions_count,
    view.device_info,
    view.is_bot,
    view.created_at,
    view.organization_id, view.service_name, view.service_version, view.environment, view.scope_name, view.trace_id, view.span_id,
    view.event_id, view.dt, view.time_suspect, view.ingested_at, view.tenant_id
from events as view
left join stay on view.event_key = stay.event_key and view.ingested_at = stay.ingested_at
where view.event_name = 'user.page_view';
