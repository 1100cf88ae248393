-- Tables of this issue whose DDL have not landed: each goes from here when its file is in storage/tables.
create table if not exists events (
    id uuid, event_id text, event_type text default 'user.engagement', event_name text, event_category text, timestamp timestamptz, time_unix_nano bigint,
    priority text default 'normal', properties json, metadata json, version text, source text,
    user_id text, user_role text default 'anonymous', user_roles json, anonymous_id text, session_id text, session_previous_id text,
    workflow_id text, execution_id text, context_id text, page_slug text, page_path text, page_title text, url text,
    referrer text, referrer_class text, utm_source text, utm_medium text, utm_campaign text, utm_term text, utm_content text,
    device_type text, browser text, browser_version text, os text, os_version text, is_bot boolean default false, device_info json,
    ip_address text, user_agent text, is_known boolean default true, validation_error text, enrich_status text default 'complete',
    sample_rate double default 1, organization_id text default 'default', service_name text default 'app', service_version text,
    environment text default 'production', trace_id text, span_id text, dt date, time_suspect boolean default false,
    ingested_at timestamptz, tenant_id text default 'default', scope_name text, payload_digest text, item_index integer,
    event_key bigint, created_at timestamptz
);
create table if not exists user_page_views (
    id uuid, user_id text, user_role text default 'anonymous', session_id text, page_slug text, page_path text, referrer text,
    view_timestamp timestamptz, time_on_page integer, scroll_depth integer, interactions_count integer default 0, device_info json,
    created_at timestamptz, anonymous_id text, is_bot boolean default false, organization_id text default 'default',
    service_name text default 'app', service_version text, environment text default 'production', trace_id text, span_id text,
    dt date, time_suspect boolean default false, ingested_at timestamptz, tenant_id text default 'default'
);
create table if not exists user_actions (
    id uuid, user_id text, user_role text default 'anonymous', session_id text, page_slug text, action_type text, action_target text,
    action_context json, action_timestamp timestamptz, device_info json, created_at timestamptz, anonymous_id text,
    is_bot boolean default false, organization_id text default 'default', service_name text default 'app', service_version text,
    environment text default 'production', trace_id text, span_id text, dt date, time_suspect boolean default false,
    ingested_at timestamptz, tenant_id text default 'default'
);
create table if not exists user_sessions (
    id uuid, session_id text, user_id text, anonymous_id text, user_role text default 'anonymous', session_start timestamptz,
    session_end timestamptz, session_duration integer, pages_visited text[], page_views_count integer default 0,
    actions_count integer default 0, events_count integer default 0, entry_page text, exit_page text, is_bounce boolean default false, is_bot boolean default false,
    referrer text, referrer_class text, utm_source text, utm_medium text, utm_campaign text, device_info json, ip_address text,
    user_agent text, created_at timestamptz, updated_at timestamptz, organization_id text default 'default',
    service_name text default 'app', service_version text, environment text default 'production', trace_id text, span_id text,
    dt date, time_suspect boolean default false, ingested_at timestamptz, tenant_id text default 'default'
);
create table if not exists user_profiles (
    user_id text, properties json, first_seen timestamptz, last_seen timestamptz, anonymous_ids text[],
    organization_id text default 'default', dt date, ingested_at timestamptz, tenant_id text default 'default'
);
create table if not exists identities (
    anonymous_id text, user_id text, after_unix_nano bigint, until_unix_nano bigint, tenant_id text default 'default'
);
create view if not exists user_activity as
-- What people did: one row for each event of the kinds user.* and custom, with the person and the feature. Bots are left out, and what
-- no person did: user.session_expired, and what systems sent to people (user.notification).
-- A person is the user; of an event without one, the user that its anonymous id belongs to (view identities); else the anonymous id.
-- A feature is what user.feature_used names; of other events, the page.
select
    events.*,
    coalesce(nullif(events.user_id, ''), identities.user_id, nullif(events.anonymous_id, '')) as person,
    coalesce(case when event_name = 'user.feature_used' then properties ->> 'feature_name' end, nullif(page_slug, '')) as feature
from events
left join identities
    on identities.tenant_id = events.tenant_id and identities.anonymous_id = events.anonymous_id and coalesce(events.user_id, '') = ''
    and events.time_unix_nano > coalesce(after_unix_nano, -1)
    and events.time_unix_nano <= coalesce(until_unix_nano, 9223372036854775807)
where (starts_with(event_type, 'user.') or event_type = 'custom')
    and event_type <> 'user.notification'
    and event_name <> 'user.session_expired'
    and is_bot is not true
    and coalesce(nullif(events.user_id, ''), nullif(events.anonymous_id, '')) is not null;
create view if not exists form_tries as
-- Tries to fill a form, one row each: what form.start, form.error, form.submit and form.abandon of one person, session and form say,
-- from one form.start to the next. Submitted is a try that holds a form.submit, abandoned any other, whether form.abandon told it or not.
-- seconds: to the last submission, as it says itself (duration), else since the start; of an abandoned try, to its last event.
with numbered as (
    select
        *,
        properties ->> 'form_id' as form_id,
        count(*) filter (event_name = 'form.start') over (
            partition by tenant_id, person, session_id, properties ->> 'form_id' order by time_unix_nano, event_id
            rows between unbounded preceding and current row
        ) as try_number
    from user_activity
    where event_name in ('form.start', 'form.error', 'form.submit', 'form.abandon')
)
select
    tenant_id,
    person,
    session_id,
    form_id,
    try_number,
    any_value(user_role) as user_role,
    any_value(page_slug) as page_slug,
    min(timestamp) as started_at,
    max(timestamp) as ended_at,
    bool_or(event_name = 'form.submit') as submitted,
    coalesce(
        arg_max(try_cast(properties ->> 'duration' as double), time_unix_nano) filter (event_name in ('form.submit', 'form.abandon')),
        epoch(coalesce(max(timestamp) filter (event_name = 'form.submit'), max(timestamp)) - min(timestamp))
    ) as seconds,
    max(try_cast(properties ->> 'fields_filled' as integer)) as fields_filled,
    greatest(
        count(*) filter (event_name = 'form.error'), coalesce(max(try_cast(properties ->> 'error_count' as integer)), 0)
    ) as errors,
    min(dt) as dt
from numbered
group by tenant_id, person, session_id, form_id, try_number;
