-- Users, each once: what is known of them, and since when. A view without files: it reads `events`, so that late events correct it.
create table user_profiles (
    id              uuid not null,
    user_id         text not null,
    user_role       text not null default 'anonymous',
    properties      json not null,
    anonymous_ids   text[] not null,
    first_seen      timestamptz not null,
    last_seen       timestamptz not null,
    organization_id text not null,
    service_name    text not null,
    service_version text,
    environment     text not null,
    trace_id        text,
    span_id         text,
    dt              date not null,
    time_suspect    boolean not null,
    ingested_at     timestamptz not null,
    tenant_id       text not null
);

comment on column user_profiles.id is 'made from tenant and user_id';
comment on column user_profiles.user_id is 'user.id';
comment on column user_profiles.user_role is 'the last role that an event of the user names; anonymous where none does';
comment on column user_profiles.properties is 'what is known of the user: user.properties (set), user.properties.set_once and user.properties.unset of events, folded in the order of their times';
comment on column user_profiles.anonymous_ids is 'the anonymous ids that the user was seen with, in alphabetical order';
comment on column user_profiles.first_seen is 'when the first event of the user, or of an anonymous id while it was the user''s, happened';
comment on column user_profiles.last_seen is 'when the last one happened';
comment on column user_profiles.organization_id is 'of the last event that names the user';
comment on column user_profiles.service_name is 'of the same event';
comment on column user_profiles.service_version is 'of the same event';
comment on column user_profiles.environment is 'of the same event';
comment on column user_profiles.trace_id is 'NULL: a profile belongs to no trace';
comment on column user_profiles.span_id is 'NULL: a profile belongs to no span';
comment on column user_profiles.dt is 'UTC date of first_seen';
comment on column user_profiles.time_suspect is 'whether the time of one of the events is suspect';
comment on column user_profiles.ingested_at is 'when the collector accepted the last of the events to arrive';
comment on column user_profiles.tenant_id is 'whose token sent them; a sender cannot set it';

-- Events of an anonymous id count for the user that it belongs to then (view `identities`). Of a property the last value set counts, else the
-- first one set once, unless it was unset later; within one event, unset comes last.
with identity as materialized (
    select *, coalesce(after_unix_nano, until_unix_nano) is null as is_only from identities
),
event as (
    select
        tenant_id,
        nullif(user_id, '') as user_id,
        nullif(anonymous_id, '') as anonymous_id,
        user_role, time_unix_nano, organization_id, service_name, service_version, environment, time_suspect, ingested_at,
        case when contains(try_cast(properties as text), '"user.properties') then properties end as properties,
        try_cast(time_unix_nano as hugeint) * 9223372036854775808 + (event_key & 9223372036854775807) as position
    from events
    where coalesce(nullif(user_id, ''), anonymous_id) <> ''
),
trace as (
    select
        tenant_id, user_id, anonymous_id,
        min(time_unix_nano) as first_unix_nano,
        max(time_unix_nano) as last_unix_nano,
        max(position) as position,
        arg_max(struct_pack(organization_id, service_name, service_version, environment), position) as origin,
        arg_max(user_role, position) filter (where user_role <> 'anonymous') as user_role,
        max(position) filter (where user_role <> 'anonymous') as role_position,
        bool_or(time_suspect) as time_suspect,
        max(ingested_at) as ingested_at
    from event
    group by tenant_id, user_id, anonymous_id
),
seen as (
    select * from trace where user_id is not null
    union all by name
    select trace.* replace (identity.user_id as user_id)
    from trace join identity using (tenant_id, anonymous_id)
    where trace.user_id is null and is_only
    union all by name
    select
        tenant_id, identity.user_id, anonymous_id, min(time_unix_nano) as first_unix_nano, max(time_unix_nano) as last_unix_nano,
        max(ingested_at) as ingested_at
    from event join identity using (tenant_id, anonymous_id)
    where not is_only and event.user_id is null
        and time_unix_nano > coalesce(after_unix_nano, -1) and time_unix_nano <= coalesce(until_unix_nano, 9223372036854775807)
    group by all
),
said as (
    select event.tenant_id, coalesce(event.user_id, identity.user_id) as user_id, properties, position
    from event left join identity
        on event.tenant_id = identity.tenant_id and event.anonymous_id = identity.anonymous_id
        and time_unix_nano > coalesce(after_unix_nano, -1) and time_unix_nano <= coalesce(until_unix_nano, 9223372036854775807)
    where properties is not null
),
given as (
    select
        tenant_id, user_id, position, kind,
        unnest(case when kind = 'unset' then json_extract_string(object, '$[*]') else json_keys(object) end) as name,
        unnest(case when kind <> 'unset' then json_extract(object, '$.*') end) as value
    from (
        select
            tenant_id, user_id, position,
            unnest(['set', 'set_once', 'unset']) as kind,
            unnest([
                json_extract(properties, '/user.properties'),
                json_extract(properties, '/user.properties.set_once'),
                json_extract(properties, '/user.properties.unset')
            ]) as object
        from said
        where user_id is not null
    )
),
operation as (
    select
        *,
        max(position) filter (where kind = 'unset') over (partition by tenant_id, user_id, name) as forgotten
    from given
),
property as (
    select
        tenant_id, user_id, name,
        coalesce(
            arg_max(value, position) filter (where kind = 'set'), arg_min(value, position) filter (where kind = 'set_once')
        ) as value
    from operation
    where kind <> 'unset' and position > coalesce(forgotten, -1)
    group by tenant_id, user_id, name
),
known as (
    select tenant_id, user_id, to_json(map_from_entries(list({'k': name, 'v': value} order by name))) as properties
    from property
    group by tenant_id, user_id
),
person as (
    select
        tenant_id, user_id,
        coalesce(arg_max(user_role, role_position), 'anonymous') as user_role,
        coalesce(list(distinct anonymous_id order by anonymous_id) filter (where anonymous_id is not null), []) as anonymous_ids,
        min(first_unix_nano) as first_unix_nano,
        max(last_unix_nano) as last_unix_nano,
        arg_max(origin, position) as origin,
        bool_or(time_suspect) as time_suspect,
        max(ingested_at) as ingested_at
    from seen
    group by tenant_id, user_id
)
select
    try_cast(md5(concat_ws('/', tenant_id, user_id, 'user_profiles')) as uuid) as id,
    user_id,
    user_role,
    coalesce(properties, '{}') as properties,
    anonymous_ids,
    make_timestamptz(first_unix_nano // 1000) as first_seen,
    make_timestamptz(last_unix_nano // 1000) as last_seen,
    origin.*,
    try_cast(null as text) as trace_id,
    try_cast(null as text) as span_id,
    try_cast(make_timestamptz(first_unix_nano // 1000) as date) as dt,
    time_suspect,
    ingested_at,
    tenant_id
from person left join known using (tenant_id, user_id);
