-- Rows of database_error_logs with the sources' places and what follows from them, where the source map came after the row (mapped_stacks).
select
    error.* replace (
        coalesce(last.mapped_stack, error.mapped_stack) as mapped_stack,
        coalesce(last.fingerprint, error.fingerprint) as fingerprint,
        coalesce(last.grouping_version, error.grouping_version) as grouping_version,
        case when last.fingerprint is not null then last.previous_fingerprint else error.previous_fingerprint end as previous_fingerprint,
        coalesce(last.grouping, error.grouping) as grouping,
        case when last.fingerprint is not null then last.culprit else error.culprit end as culprit,
        case when last.fingerprint is null then error.issue_id
            else issue_of(error.tenant_id, error.service_name, last.fingerprint, last.previous_fingerprint)
        end as issue_id
    )
from database_error_logs_files error
left join last_mapped_stacks last
    on error.tenant_id = last.tenant_id and error.service_name = last.service_name and error.service_version = last.release
    and coalesce(error.fingerprint, '') = last.stored_fingerprint and md5(error.error_stack) = last.stack_hash
