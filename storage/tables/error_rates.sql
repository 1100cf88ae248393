-- Errors and failed requests of each service by the hour. A view without files: it reads api_performance_metrics and the errors of
-- error_logs, each once.
-- Of a longer time, add requests, failed_requests and errors up and divide then.
create table error_rates (
    hour               timestamptz not null,
    service_name       text not null,
    environment        text not null,
    requests           bigint not null,
    failed_requests    bigint not null,
    failure_rate       double,
    errors             bigint not null,
    errors_per_request double,
    dt                 date not null,
    tenant_id          text not null
);

comment on column error_rates.hour is 'beginning of the hour';
comment on column error_rates.service_name is 'service.name of the resource; unknown where absent';
comment on column error_rates.environment is 'deployment.environment.name of the resource; unknown where absent';
comment on column error_rates.requests is 'API requests';
comment on column error_rates.failed_requests is 'those of them that failed: error of api_performance_metrics';
comment on column error_rates.failure_rate is 'share of the requests that failed, 0 to 1; NULL where there are none';
comment on column error_rates.errors is 'errors of error_logs, of requests or not';
comment on column error_rates.errors_per_request is 'errors for each request; NULL where there are none';
comment on column error_rates.dt is 'UTC day of the hour';
comment on column error_rates.tenant_id is 'whose service it is';

with request as (
    select
        tenant_id, service_name, environment,
        time_bucket(interval 1 hour, believed_time(request_timestamp, time_suspect, ingested_at)) as hour,
        count(*) as requests,
        count_if(error) as failed_requests
    from api_performance_metrics
    group by all
),
error as (
    select
        tenant_id, service_name, environment,
        time_bucket(interval 1 hour, believed_time(error_timestamp, time_suspect, ingested_at)) as hour,
        count(*) as errors
    from errors_once
    group by all
)
select
    hour, service_name, environment,
    coalesce(requests, 0) as requests,
    coalesce(failed_requests, 0) as failed_requests,
    failed_requests / nullif(requests, 0) as failure_rate,
    coalesce(errors, 0) as errors,
    coalesce(errors, 0) / nullif(requests, 0) as errors_per_request,
    try_cast(timezone('UTC', hour) as date) as dt,
    tenant_id
from request
full join error using (tenant_id, service_name, environment, hour);
