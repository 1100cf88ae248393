-- Tables of this issue whose DDL have not landed: each goes from here when its file is in storage/tables.
create table if not exists user_sessions (
    id uuid, session_id text, user_id text, anonymous_id text, user_role text default 'anonymous', session_start timestamptz,
    session_end timestamptz, session_duration integer, pages_visited text[], page_views_count integer default 0,
    actions_count integer default 0, events_count integer default 0, entry_page text, exit_page text, is_bounce boolean default false, is_bot boolean default false,
    referrer text, referrer_class text, utm_source text, utm_medium text, utm_campaign text, device_info json, ip_address text,
    user_agent text, created_at timestamptz, updated_at timestamptz, organization_id text default 'default',
    service_name text default 'app', service_version text, environment text default 'production', trace_id text, span_id text,
    dt date, time_suspect boolean default false, ingested_at timestamptz, tenant_id text default 'default'
);
create table if not exists identities (
    anonymous_id text, user_id text, after_unix_nano bigint, until_unix_nano bigint, tenant_id text default 'default'
);
