-- Errors, each once. Of the reports that share an error_key (tenant, trace, exception type, message):
-- a span's report is a repeat where another span that reported lies within it in time: the exception travelled up, and only the
-- innermost counts, so that three failing retries under one parent stay three;
-- the n-th innermost span report and the n-th log report are the same error, told in both ways: the first to arrive is shown;
-- a bare ERROR status counts only where nothing else of its trace was reported while its span lasted.
with report as (
    select * from error_logs_files
    -- a span that is sent again keeps its ids
    qualify report_source = 'log'
        or row_number() over (partition by error_key, span_id, report_index, report_source order by ingested_at) = 1
),
span_interval as (
    select
        error_key,
        span_id,
        max(span_start) over (
            partition by error_key order by span_end, span_start desc, span_id rows between unbounded preceding and 1 preceding
        ) >= span_start as is_repeat
    from (
        select error_key, span_id, min(span_start_unix_nano) as span_start, max(span_end_unix_nano) as span_end
        from report
        where report_source = 'span_event'
        group by error_key, span_id
    )
),
counted as (
    select
        report.*,
        -- the report before it in its trace, by time; a status is reported when its span ends, and the inner of two ends first
        lag(error_time_unix_nano) over (
            partition by tenant_id, coalesce(trace_id, error_key)
            order by error_time_unix_nano, report_source = 'span_status', span_start_unix_nano desc, span_id
        ) as reported_before
    from report
    left join span_interval using (error_key, span_id)
    where report_source <> 'span_event' or is_repeat is not true
),
numbered as (
    select
        * exclude (reported_before),
        row_number() over (
            partition by error_key, report_source order by error_time_unix_nano, span_id, report_index, ingested_at
        ) as ordinal
    from counted
    where report_source <> 'span_status' or reported_before is null or reported_before < span_start_unix_nano
)
select * exclude (ordinal) replace (try_cast(md5(concat_ws('/', error_key, ordinal)) as uuid) as error_id)
from numbered
qualify row_number() over (partition by error_key, ordinal order by ingested_at, report_source = 'log') = 1
