-- Errors, each once, whatever the state of their issues: error_logs adds that, issue_events counts these.
-- Of the reports that share an error_key (tenant, trace, exception type, message):
-- a span's report is a repeat where another span that reported lies within it in time: the exception travelled up, and only the
-- innermost counts, so that three failing retries under one parent stay three;
-- the n-th innermost span report and the n-th log report are the same error, told in both ways: the first to arrive is shown; logs
-- beyond the last span report are that error logged again on its way up;
-- a bare ERROR status counts only where nothing else of its trace was reported while its span lasted.
-- reports that name their exception by an id are one error for each id, whatever their number.
-- What is sent again in another payload, with the same ids and times, has equal ranks and counts once.
-- Most keys are of one report, or of one by a span and others by logs, which are one error: the first to arrive is found without sorting.
-- Windows run over the narrow rows of the others, and of the traces in which a status was reported. 64 bits tell the reports of a key apart.
with report as (
    select
        hash(error_key) as key,
        hash(payload_digest, report_source, report_index, coalesce(span_id, '')) as place,
        report_source, span_id, report_index, payload_digest, tenant_id, trace_id, exception_id,
        error_time_unix_nano, span_start_unix_nano, span_end_unix_nano,
        try_cast(epoch_us(ingested_at) * 2 + try_cast(report_source = 'log' as bigint) as hugeint) * 9223372036854775808
            + (hash(payload_digest) >> 1) as arrival
    from error_logs_files
),
grouped as materialized (
    select
        key,
        arg_min(place, arrival) as first,
        bool_or(report_source = 'span_status') or count_if(report_source = 'span_event') > 1
            or (count_if(report_source = 'span_event') = 0 and count(*) > 1 and not bool_or(exception_id is not null)) as is_sorted
    from report
    group by key
    having count(*) > 1 or is_sorted
),
sorted as (
    select report.*, grouped.is_sorted is true as is_sorted
    from report
    left join grouped using (key)
    where grouped.is_sorted or (tenant_id, trace_id) in (select (tenant_id, trace_id) from report where report_source = 'span_status')
),
marked as (
    select
        *,
        -- peers are the reports of one span: it is no repeat of itself
        report_source = 'span_event' and max(span_start_unix_nano) over (
            partition by key, report_source order by span_end_unix_nano, span_start_unix_nano desc, span_id
            groups between unbounded preceding and 1 preceding
        ) >= span_start_unix_nano as is_repeat,
        case report_source when 'log' then row_number() over (
            partition by key, error_time_unix_nano, span_id, report_source, payload_digest order by report_index
        ) else report_index end as position
    from sorted
),
counted as (
    select
        *,
        -- the report before it in its trace, by time; a status is reported when its span ends, and the inner of two ends first
        max(error_time_unix_nano) over (
            partition by tenant_id, coalesce(trace_id, try_cast(key as text))
            order by error_time_unix_nano, report_source = 'span_status', span_start_unix_nano desc, span_id
            groups between unbounded preceding and 1 preceding
        ) as reported_before
    from marked
    where is_repeat is not true
),
ranked as (
    select *, dense_rank() over (partition by key, report_source order by error_time_unix_nano, span_id, position) as rank
    from counted
    where is_sorted and (report_source <> 'span_status' or reported_before is null or reported_before < span_start_unix_nano)
),
numbered as (
    select
        *,
        case when exception_id is not null then 1
            else least(rank, max(rank) filter (where report_source = 'span_event') over (partition by key))
        end as ordinal
    from ranked
),
shown as (
    select key, place, ordinal from numbered qualify row_number() over (partition by key, ordinal order by arrival, place) = 1
)
select
    error.* exclude (key, place) replace (
        try_cast(md5(concat_ws('/', error.error_key, coalesce(shown.ordinal, 1))) as uuid) as error_id,
        issue_of(tenant_id, service_name, fingerprint, previous_fingerprint) as issue_id
    ),
    coalesce(shown.ordinal, 1) as ordinal
from (
    select *, hash(error_key) as key, hash(payload_digest, report_source, report_index, coalesce(span_id, '')) as place
    from error_logs_mapped
) error
left join grouped on error.key = grouped.key
left join shown on error.key = shown.key and error.place = shown.place
where grouped.key is null or (not grouped.is_sorted and grouped.first = error.place) or shown.ordinal is not null
