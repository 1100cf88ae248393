-- Server health: the last thing each instance said, and its median rates
select
    service_name as service,
    arg_max(cpu_usage, timestamp) as cpu_percent,
    arg_max(memory_usage_mb, timestamp) as memory_mb,
    arg_max(uptime_seconds, timestamp) as uptime_s,
    max(active_requests) as active_requests,
    median(request_rate) as requests_per_s,
    median(error_rate) as errors_per_s
from server_performance_metrics
where ingested_at >= $since
group by service_name, service_instance_id
order by service
