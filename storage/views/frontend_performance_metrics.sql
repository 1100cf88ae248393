-- How fast pages load, one row a page load: the reports with equal page_load_id. Reports without one belong to the last navigation of their
-- session that began before them; a navigation is where reports say that one began 2 s or more after the one before. A report of no session,
-- or before any navigation, stands alone.
-- Vitals grow while a page lives, so that the largest is the last. What is sent again in another payload counts once.
-- No DISTINCT aggregate: DuckDB then reads every column, whichever are asked for.
with spaced as (
    select
        *,
        coalesce(page_start_unix_nano, time_unix_nano) as seen,
        page_start_unix_nano is not null and coalesce(
            page_start_unix_nano - max(page_start_unix_nano) over (
                partition by tenant_id, service_name, environment, session_id order by coalesce(page_start_unix_nano, time_unix_nano)
                rows between unbounded preceding and 1 preceding
            ) > 2000000000, true
        ) as starts
    from frontend_performance_metrics_files
    where page_load_id is null and session_id <> ''
),
report as (
    select *, hash(tenant_id, page_load_id) as page_load, null as began from frontend_performance_metrics_files where page_load_id is not null
    union all by name
    select
        * exclude (seen, starts),
        max(case when starts then seen end) over (
            partition by tenant_id, service_name, environment, session_id order by seen, starts desc
            rows between unbounded preceding and current row
        ) as began,
        case when began is null then hash(payload_digest, item_index, report_source, span_id)
            else hash(tenant_id, service_name, environment, session_id, began)
        end as page_load
    from spaced
    union all by name
    select *, hash(payload_digest, item_index, report_source, span_id) as page_load
    from frontend_performance_metrics_files
    where page_load_id is null and session_id = ''
),
loaded as (
    select
        page_load,
        arg_min(id, time_unix_nano) as id,
        max(user_id) as user_id,
        coalesce(max(nullif(user_role, 'anonymous')), 'anonymous') as user_role,
        max(session_id) as session_id,
        coalesce(arg_min(nullif(page_slug, ''), time_unix_nano), '') as page_slug,
        max(page_load_time) as page_load_time,
        coalesce(max(case when report_source = 'web_vital' then time_to_first_byte end), max(time_to_first_byte)) as time_to_first_byte,
        coalesce(max(case when report_source = 'web_vital' then first_contentful_paint end), max(first_contentful_paint))
            as first_contentful_paint,
        coalesce(max(case when report_source = 'web_vital' then largest_contentful_paint end), max(largest_contentful_paint))
            as largest_contentful_paint,
        max(cumulative_layout_shift) as cumulative_layout_shift,
        max(first_input_delay) as first_input_delay,
        max(interaction_to_next_paint) as interaction_to_next_paint,
        max(time_to_interactive) as time_to_interactive,
        max(first_paint) as first_paint,
        max(dom_interactive) as dom_interactive,
        max(dom_content_loaded) as dom_content_loaded,
        max(window_load) as window_load,
        list_sum(list_transform(
            list_distinct(list(struct_pack(begins := time_unix_nano, ms := long_task_ms)) filter (long_task_ms is not null)),
            lambda task: task.ms
        )) as long_task_ms,
        min(coalesce(page_start_unix_nano, time_unix_nano)) as time_unix_nano,
        min(created_at) as created_at,
        min(page_load_id) as page_load_id,
        arg_min(page_path, time_unix_nano) as page_path,
        arg_min(url, time_unix_nano) as url,
        coalesce(max(case when report_source = 'navigation_timing' then navigation_type end), max(navigation_type)) as navigation_type,
        max(user_agent) as user_agent,
        min(organization_id) as organization_id,
        min(service_name) as service_name,
        max(service_version) as service_version,
        min(environment) as environment,
        min(scope_name) as scope_name,
        min(trace_id) as trace_id,
        min(span_id) as span_id,
        array_to_string(list_sort(list_distinct(list(report_source))), ' ') as report_source,
        min(page_start_unix_nano) as page_start_unix_nano,
        min(payload_digest) as payload_digest,
        min(item_index) as item_index,
        min(dt) as dt,
        bool_or(time_suspect) as time_suspect,
        min(ingested_at) as ingested_at,
        min(tenant_id) as tenant_id
    from report
    group by page_load
)
select
    case when page_load_id is null then id
        else try_cast(md5(concat_ws('/', tenant_id, page_load_id, 'frontend_performance_metrics')) as uuid)
    end as id,
    user_id,
    user_role,
    session_id,
    page_slug,
    page_load_time,
    time_to_first_byte,
    first_contentful_paint,
    largest_contentful_paint,
    cumulative_layout_shift,
    first_input_delay,
    interaction_to_next_paint,
    time_to_interactive,
    first_paint,
    dom_interactive,
    dom_content_loaded,
    window_load,
    try_cast(round(long_task_ms) as integer) as javascript_execution_time,
    try_cast(to_json(list_transform(list_sort(list_distinct(resources)), lambda resource: resource.told)) as json) as resource_load_times,
    make_timestamptz(time_unix_nano // 1000) as timestamp,
    time_unix_nano,
    created_at,
    page_load_id,
    page_path,
    url,
    navigation_type,
    user_agent,
    organization_id,
    service_name,
    service_version,
    environment,
    scope_name,
    trace_id,
    span_id,
    report_source,
    long_task_ms,
    page_start_unix_nano,
    payload_digest,
    item_index,
    dt,
    time_suspect,
    ingested_at,
    tenant_id
from loaded
left join (
    select
        hash(tenant_id, page_load_id) as page_load,
        list(struct_pack(
            begins := coalesce(start_ms, time_unix_nano / 1e6),
            told := struct_pack(
                url := request_url, type := resource_type, start_ms := start_ms, duration_ms := duration_ms, transfer_size := transfer_size
            )
        )) as resources
    from network_performance_metrics_files
    where page_load_id is not null
    group by page_load
) as network using (page_load)
