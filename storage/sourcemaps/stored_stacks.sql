-- Which distinct stacks of a release are stored, as what, and what are they known as by now? Each as the row that came last, the newest
-- first. `reported` has rows of a table of errors, the columns that are its stack and release also under these names; $service is empty
-- for any.
with stored as (
    select *, md5(stack) as stack_hash, coalesce(fingerprint, '') as stored_fingerprint
    from reported
    where release = $release and ($service = '' or service_name = $service) and stack <> ''
    qualify row_number() over (partition by tenant_id, service_name, stack, fingerprint order by ingested_at desc) = 1
    order by ingested_at desc
    limit $most
)
select
    stored.* exclude (stack, release) replace ('{"language": "javascript"}' as grouping),
    stored.grouping as stored_grouping,
    coalesce(last.mapped_stack, stored.mapped_stack, '') as known_stack,
    coalesce(last.fingerprint, stored.fingerprint, '') as known_fingerprint
from stored
left join last_mapped_stacks last
    on stored.tenant_id = last.tenant_id and stored.service_name = last.service_name and last.release = $release
    and stored.stack_hash = last.stack_hash and stored.stored_fingerprint = last.stored_fingerprint;
