-- For the response to an incident: each severe suspicious activity, with what its user did in the 24 hours before.
-- The newest first. Severe is high or critical, or a risk of 80 and above.
-- usages: U-security.suspicious_activity-4
with incidents as (
    select
        event_id, tenant_id, user_id, timestamp,
        properties ->> 'activity_type' as activity_type,
        properties ->> 'severity_level' as severity_level,
        try_cast(properties ->> 'risk_score' as double) as risk_score,
        properties ->> 'automated_response' as automated_response,
        properties -> 'activity_details' as activity_details
    from events
    where event_name = 'security.suspicious_activity'
        and (properties ->> 'severity_level' in ('high', 'critical') or try_cast(properties ->> 'risk_score' as double) >= 80)
)
select
    incident.timestamp,
    incident.user_id,
    any_value(activity_type) as activity_type,
    any_value(severity_level) as severity_level,
    any_value(risk_score) as risk_score,
    any_value(automated_response) as automated_response,
    any_value(activity_details) as activity_details,
    count(event.event_id) as events_before,
    count(*) filter (event.event_name = 'security.login_attempt' and event.properties ->> 'success' = 'false') as failed_logins_before,
    count(distinct event.ip_address) as addresses_before,
    count(distinct event.session_id) as sessions_before
from incidents as incident
left join events as event
    on event.tenant_id = incident.tenant_id and event.user_id = incident.user_id and event.event_id <> incident.event_id
    and event.timestamp <= incident.timestamp and event.timestamp > incident.timestamp - interval 1 day
group by incident.event_id, incident.timestamp, incident.user_id
order by incident.timestamp desc, incident.user_id
limit cast(coalesce(getvariable('top'), 100) as integer)
