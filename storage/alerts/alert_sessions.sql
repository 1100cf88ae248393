-- When a session was seen, and whether it crashed then: every event and error that names its session, and every crash.
select session_id, timestamp as seen_at, false as crashed, service_name, environment, organization_id, tenant_id
from events
where session_id is not null
union all
select session_id, error_timestamp, false, service_name, environment, organization_id, tenant_id
from error_logs
where session_id is not null
union all
select session_id, crash_timestamp, true, service_name, environment, organization_id, tenant_id
from crash_reports
where session_id is not null;
