-- Events as their log records say them: reserved attributes and base fields become columns, every other attribute is a property.
-- event_record holds the log records with an event name; what the catalogue says of the name stands in its columns default_*.
with record as (
    select
        *,
        json_transform(attributes, '{
            "event.type": "VARCHAR", "event.category": "VARCHAR", "event.priority": "VARCHAR", "event.version": "VARCHAR",
            "event.source": "VARCHAR", "event.metadata": "JSON", "event.refusal": "VARCHAR", "event.name": "VARCHAR",
            "log.record.uid": "VARCHAR",
            "user.id": "VARCHAR", "user_id": "VARCHAR", "user.role": "VARCHAR", "user_role": "VARCHAR", "user.roles": "JSON",
            "enduser.pseudo.id": "VARCHAR", "anonymous_id": "VARCHAR",
            "session.id": "VARCHAR", "session_id": "VARCHAR", "session.previous_id": "VARCHAR",
            "organization.id": "VARCHAR", "organization_id": "VARCHAR", "workflow.id": "VARCHAR", "workflow_id": "VARCHAR",
            "execution.id": "VARCHAR", "execution_id": "VARCHAR", "context.id": "VARCHAR", "context_id": "VARCHAR",
            "gen_ai.conversation.id": "VARCHAR",
            "page_slug": "VARCHAR", "page.slug": "VARCHAR", "http.route": "VARCHAR", "page_path": "VARCHAR", "url.path": "VARCHAR",
            "page_title": "VARCHAR", "browser.document.url.full": "VARCHAR", "url.full": "VARCHAR", "url": "VARCHAR", "referrer": "VARCHAR",
            "http.request.header.referer": "JSON",
            "utm_source": "VARCHAR", "utm_medium": "VARCHAR", "utm_campaign": "VARCHAR", "utm_term": "VARCHAR", "utm_content": "VARCHAR",
            "user_agent.original": "VARCHAR", "user_agent": "VARCHAR", "user_agent.name": "VARCHAR", "user_agent.version": "VARCHAR",
            "user_agent.synthetic.type": "VARCHAR", "device_type": "VARCHAR", "browser": "VARCHAR", "browser_version": "VARCHAR",
            "os": "VARCHAR", "os.name": "VARCHAR", "os_version": "VARCHAR", "os.version": "VARCHAR", "device_info": "JSON",
            "client.address": "VARCHAR", "ip_address": "VARCHAR", "sample_rate": "VARCHAR"
        }') as given
    from event_record
),
event as (
    select
        row_id,
        tenant_id,
        coalesce(
            nullif(log_record_uid, ''), nullif(given."log.record.uid", ''),
            try_cast(try_cast(md5(concat_ws('/', payload_digest, item_index, 'event_id')) as uuid) as text)
        ) as event_id,
        coalesce(nullif(given."event.type", ''), default_type) as event_type,
        coalesce(nullif(given."event.category", ''), default_category) as event_category,
        case when lower(given."event.priority") in ('low', 'high', 'critical') then lower(given."event.priority") else 'normal' end
            as priority,
        case
            when attributes is null then '{}'
            when coalesce(
                given."event.type", given."event.category", given."event.priority", given."event.version", given."event.source",
                try_cast(given."event.metadata" as text), given."event.name", given."log.record.uid",
                given."user.id", given.user_id, given."user.role", given.user_role, try_cast(given."user.roles" as text),
                given."enduser.pseudo.id",
                given.anonymous_id, given."session.id", given.session_id, given."session.previous_id", given."organization.id",
                given.organization_id, given."workflow.id", given.workflow_id, given."execution.id", given.execution_id,
                given."context.id", given.context_id, given."url.full", given."user_agent.original", given.user_agent,
                given.device_type, given.browser, given."client.address", given.ip_address, given.sample_rate
            ) is not null then try_cast(json_merge_patch(attributes, '{
                "event.type": null, "event.category": null, "event.priority": null, "event.version": null, "event.source": null,
                "event.metadata": null, "event.name": null, "log.record.uid": null, "user.id": null,
                "user_id": null, "user.role": null, "user_role": null, "user.roles": null, "enduser.pseudo.id": null,
                "anonymous_id": null, "session.id": null,
                "session_id": null, "session.previous_id": null, "organization.id": null, "organization_id": null, "workflow.id": null,
                "workflow_id": null, "execution.id": null, "execution_id": null, "context.id": null, "context_id": null, "page_slug": null,
                "page_path": null, "page_title": null, "url.full": null, "url": null, "referrer": null, "user_agent.original": null,
                "user_agent": null, "device_type": null, "browser": null, "client.address": null, "ip_address": null, "sample_rate": null
            }') as text)
            -- a patch costs 40 ns a key: most events name their page, and no more of these
            when coalesce(given.page_path, given.page_title, given.referrer, given.page_slug, given.url) is not null
                then try_cast(json_merge_patch(attributes, '{
                    "page_path": null, "page_title": null, "referrer": null, "page_slug": null, "url": null
                }') as text)
            else attributes
        end as properties,
        try_cast(given."event.metadata" as text) as metadata,
        nullif(given."event.version", '') as version,
        nullif(given."event.source", '') as source,
        coalesce(
            nullif(user_id, ''), nullif(given."user.id", ''), nullif(given.user_id, ''),
            case when user_property is not null then nullif(json_extract_string(attributes, '/' || user_property), '') end
        ) as user_id,
        role_of(
            coalesce(nullif(user_role, ''), nullif(given."user.role", ''), given.user_role),
            coalesce(user_roles, try_cast(given."user.roles" as text))
        ) as user_role,
        coalesce(nullif(given."enduser.pseudo.id", ''), nullif(given.anonymous_id, '')) as anonymous_id,
        coalesce(nullif(session_id, ''), nullif(given."session.id", ''), nullif(given.session_id, '')) as session_id,
        nullif(given."session.previous_id", '') as session_previous_id,
        case when given."organization.id" is null then coalesce(nullif(given.organization_id, ''), organization_id) else organization_id end
            as organization_id,
        coalesce(nullif(given."workflow.id", ''), nullif(given.workflow_id, '')) as workflow_id,
        coalesce(nullif(given."execution.id", ''), nullif(given.execution_id, '')) as execution_id,
        coalesce(nullif(given."context.id", ''), nullif(given.context_id, ''), nullif(given."gen_ai.conversation.id", '')) as context_id,
        coalesce(nullif(given.page_slug, ''), nullif(given."page.slug", '')) as page_slug,
        nullif(given."http.route", '') as page_route,
        coalesce(nullif(plain_path(given.page_path), ''), nullif(plain_path(given."url.path"), '')) as page_path,
        nullif(given.page_title, '') as page_title,
        coalesce(nullif(url_full, ''), nullif(given."url.full", ''), nullif(given.url, ''), nullif(given."browser.document.url.full", '')) as url,
        coalesce(
            nullif(given.referrer, ''),
            nullif(json_extract_string(given."http.request.header.referer", '$[0]'), '')
        ) as referrer,
        nullif(given.utm_source, '') as utm_source,
        nullif(given.utm_medium, '') as utm_medium,
        nullif(given.utm_campaign, '') as utm_campaign,
        nullif(given.utm_term, '') as utm_term,
        nullif(given.utm_content, '') as utm_content,
        case when lower(given.device_type) in ('desktop', 'mobile', 'tablet', 'bot', 'other') then lower(given.device_type) end
            as device_type,
        coalesce(
            nullif(given."user_agent.name", ''), nullif(given.browser, ''), json_extract_string(given."event.metadata", '$.browser')
        ) as browser,
        coalesce(nullif(given."user_agent.version", ''), nullif(given.browser_version, '')) as browser_version,
        coalesce(nullif(given."os.name", ''), nullif(given.os, ''), json_extract_string(given."event.metadata", '$.os')) as os,
        coalesce(nullif(given."os.version", ''), nullif(given.os_version, '')) as os_version,
        case when given."user_agent.synthetic.type" <> '' then true end as is_bot,
        case
            when given.device_info is null or try_cast(given.device_info as text) not like '{%' then client_attributes
            when client_attributes is null or not can_merge(client_attributes, try_cast(given.device_info as text))
                then try_cast(given.device_info as text)
            else try_cast(json_merge_patch(client_attributes, try_cast(given.device_info as text)) as text)
        end as device_attributes,
        coalesce(nullif(given."client.address", ''), nullif(given.ip_address, '')) as ip_address,
        coalesce(
            nullif(user_agent_original, ''), nullif(given."user_agent.original", ''), nullif(given.user_agent, ''), client_user_agent
        ) as user_agent,
        -- an event that stands for more than a million others would outweigh every count
        case when try_cast(given.sample_rate as double) between 1e-6 and 1
            then try_cast(given.sample_rate as double) else 1.0
        end as sample_rate,
        -- the events endpoint says so of what it cannot represent, in its scope; anybody else's attribute of that name is a property
        case when scope_name = 'otelpond.events.http' then given."event.refusal" end as refusal
    from record
)
select
    * exclude (tenant_id),
    try_cast(md5_number_lower(concat(tenant_id, '/', event_id)) - try_cast(9223372036854775808 as hugeint) as bigint) as event_key
from event
