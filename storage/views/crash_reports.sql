-- Crashes, each once: the report that arrived first; resolved while their issue is. Memory and performance are the report's own, else those
-- of the last server row of the same service instance in the 60 s before the crash. issue_id is the issue that each counts for.
with once as (
    select * replace (issue_of(tenant_id, service_name, fingerprint, previous_fingerprint) as issue_id) from crash_reports_mapped
    qualify row_number() over (partition by tenant_id, crash_id order by ingested_at, payload_digest, item_index) = 1
)
select
    once.* replace (
        coalesce(once.memory_info, case when near then json_object('memory_usage_mb', server.memory_usage_mb) end) as memory_info,
        coalesce(once.performance_info, case when near then json_object(
            'cpu_usage', server.cpu_usage, 'active_requests', server.active_requests, 'uptime_seconds', server.uptime_seconds
        ) end) as performance_info,
        coalesce(link.current_issue_id, once.issue_id) as issue_id,
        coalesce(resolution.resolved, false) as resolved,
        resolution.resolved_at as resolved_at,
        resolution.resolved_by as resolved_by
    )
from once
asof left join (
    select *, true as known from server_performance_metrics_files where service_instance_id is not null
) as server
    on once.tenant_id = server.tenant_id and once.service_name = server.service_name
    and once.service_instance_id = server.service_instance_id and once.crash_timestamp >= server.timestamp
cross join lateral (select server.known and once.crash_timestamp - server.timestamp <= interval 60 second as near)
left join current_issues link on once.issue_id = link.issue_id
left join issue_resolutions resolution on once.issue_id = resolution.issue_id
