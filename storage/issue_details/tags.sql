-- How are an issue's events spread over releases, environments, users' roles, pages, endpoints and devices?
-- The most frequent values of each, an empty one for events that do not say; devices are told by the tables.
with event as (
    select * from issue_events where issue_id = $issue_id
),
told as (
    select 'error_logs' as source_table, error_id as event_id, device_info from error_logs
    where error_id in (select event_id from event where source_table = 'error_logs')
    union all
    select 'crash_reports', crash_id, device_info from crash_reports
    where crash_id in (select event_id from event where source_table = 'crash_reports')
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
            told.device_info ->> '$.device_type', told.device_info ->> '$."device.model.name"',
            told.device_info ->> '$."device.model.identifier"', ''
        ) as device,
        coalesce(told.device_info ->> '$.browser', told.device_info ->> '$."browser.platform"', '') as browser,
        coalesce(told.device_info ->> '$.os', told.device_info ->> '$."os.name"', told.device_info ->> '$."os.type"', '') as os
    from event
    left join told using (source_table, event_id)
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
