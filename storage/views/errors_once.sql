-- Errors, each once, whatever the state of their issues: error_logs adds that, issue_events counts these.
-- Of the reports that share an error_key (tenant, trace, exception type, message):
-- a span's report is a repeat where another span that reported lies within it in time: the exception travelled up, and only the
-- innermost counts, so that three failing retries under one parent stay three;
-- the n-th innermost span report and the n-th log report are the same error, told in both ways: the first to arrive is shown; logs
-- beyond the last span report are that error logged again on its way up;
-- a bare ERROR status counts only where nothing else of its trace was reported while its span lasted.
-- reports that name their exception by an id are one error for each id, whatever their number.
-- What is sent again in another payload, with the same ids and times, has equal ranks and counts once.
-- Windows run over narrow rows; the shown ones are joined to theirs last.
with marked as (
    select
        error_key, report_source, span_id, report_index, payload_digest, tenant_id, trace_id, ingested_at, exception_id,
        error_time_unix_nano, span_start_unix_nano,
        -- peers are the reports of one span: it is no repeat of itself
        report_source = 'span_event' and max(span_start_unix_nano) over (
            partition by error_key, report_source order by span_end_unix_nano, span_start_unix_nano desc, span_id
            groups between unbounded preceding and 1 preceding
        ) >= span_start_unix_nano as is_repeat,
        case report_source when 'log' then row_number() over (
            partition by error_key, error_time_unix_nano, span_id, report_source, payload_digest order by report_index
        ) else report_index end as position
    from error_logs_files
),
counted as (
    select
        *,
        -- the report before it in its trace, by time; a status is reported when its span ends, and the inner of two ends first
        max(error_time_unix_nano) over (
            partition by tenant_id, coalesce(trace_id, error_key)
            order by error_time_unix_nano, report_source = 'span_status', span_start_unix_nano desc, span_id
            groups between unbounded preceding and 1 preceding
        ) as reported_before
    from marked
    where is_repeat is not true
),
ranked as (
    select
        *,
        dense_rank() over (partition by error_key, report_source order by error_time_unix_nano, span_id, position) as rank
    from counted
    where report_source <> 'span_status' or reported_before is null or reported_before < span_start_unix_nano
),
numbered as (
    select
        *,
        case when exception_id is not null then 1
            else least(rank, max(rank) filter (where report_source = 'span_event') over (partition by error_key))
        end as ordinal
    from ranked
),
shown as (
    select payload_digest, report_source, report_index, coalesce(span_id, '') as reporter, ordinal
    from numbered
    qualify row_number() over (partition by error_key, ordinal order by ingested_at, report_source = 'log', payload_digest) = 1
)
select
    error.* replace (
        try_cast(md5(concat_ws('/', error.error_key, shown.ordinal)) as uuid) as error_id,
        issue_of(tenant_id, service_name, fingerprint, previous_fingerprint) as issue_id
    )
from error_logs_mapped error
join shown
    on error.payload_digest = shown.payload_digest and error.report_source = shown.report_source
    and error.report_index = shown.report_index and coalesce(error.span_id, '') = shown.reporter
