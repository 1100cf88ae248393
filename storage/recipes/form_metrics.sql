-- Forms: how many tries were submitted or abandoned, how long submitting took, fields filled, errors of validation.
-- A try is what happens from one form.start to the next, in one session (see form_tries). Seconds are those of submitted tries.
-- usages: U-user.session_expired-3
-- ledger: 34-36, 40
select
    form_id,
    count(*) as tries,
    count(*) filter (submitted) as submissions,
    round(count(*) filter (submitted) / tries, 4) as completion_rate,
    round(count(*) filter (not submitted) / tries, 4) as abandonment_rate,
    round(median(seconds) filter (submitted), 1) as median_seconds,
    round(avg(seconds) filter (submitted), 1) as average_seconds,
    round(avg(fields_filled) filter (submitted), 1) as fields_filled,
    round(avg(fields_filled) filter (not submitted), 1) as fields_filled_when_abandoned,
    sum(errors) as errors,
    round(count(*) filter (errors > 0) / tries, 4) as share_with_errors
from form_tries
group by form_id
order by tries desc, form_id
