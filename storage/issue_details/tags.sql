-- How are an issue's events spread over releases, environments, users' roles, pages, endpoints and devices?
-- The most frequent values of each, an empty one for events that do not say; devices are told by the reports.
with event as (
    select * from issue_events where issue_id = $issue_id
),
told as (
    select fingerprint, error_timestamp, coalesce(trace_id, '') as trace, any_value(device_info) as device_info
    from error_logs_files
    where device_info is not null and fingerprint in (select fingerprint from event)
    group by fingerprint, error_timestamp, trace
    union all
    select fingerprint, crash_timestamp, coalesce(trace_id, ''), any_value(device_info)
    from crash_reports_files
    where device_info is not null and fingerprint in (select fingerprint from event where source_table = 'crash_reports')
    group by all
),
device as (
    select fingerprint, error_timestamp, trace, any_value(device_info) as device_info from told group by all
),
tagged as (
    select
        coalesce(event.release, '') as release,
        coalesce(event.environment, '') as environment,
        coalesce(event.service_name, '') as service,
        coalesce(event.level, '') as level,
        coalesce(nullif(event.user_role, 'anonymous'), '') as user_role,
        coalesce(event.page_slug, '') as page,
        coalesce(event.endpoint_path, '') as endpoint,
        coalesce(
            device.device_info ->> '$.device_type', device.device_info ->> '$."device.model.name"',
            device.device_info ->> '$."device.model.identifier"', ''
        ) as device,
        coalesce(device.device_info ->> '$.browser', device.device_info ->> '$."browser.platform"', '') as browser,
        coalesce(device.device_info ->> '$.os', device.device_info ->> '$."os.name"', device.device_info ->> '$."os.type"', '') as os
    from event
    left join device
        on event.fingerprint = device.fingerprint and event.error_timestamp = device.error_timestamp
        and coalesce(event.trace_id, '') = device.trace
),
counted as (
    select tag, value, count(*) as events
    from (unpivot tagged on columns(*) into name tag value value)
    group by tag, value
)
select
    tag, value, events,
    events / sum(events) over (partition by tag) as share,
    count(*) over (partition by tag) as distinct_values
from counted
qualify row_number() over (partition by tag order by events desc, value) <= $values
order by tag, events desc, value;
