-- The most common errors: type, exception, message and page, how often, for how many people, first and last.
-- Numbers, hexadecimal ids and quoted texts within a message are read as one, so that messages which differ in them count together.
-- ledger: 184, 208
select
    error_type,
    exception_type,
    regexp_replace(error_message, '0x[0-9a-fA-F]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|\d+|''[^'']*''|"[^"]*"', '*', 'g') as message,
    count(*) as errors,
    count(distinct user_id) as people,
    mode(page_slug) as page_slug,
    min(error_timestamp) as first_seen,
    max(error_timestamp) as last_seen
from error_logs
group by all
order by errors desc, message
limit cast(coalesce(getvariable('top'), 20) as integer)
