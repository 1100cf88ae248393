-- The issue that an error belongs to by itself: while the grouping changes its version, that of the version before.
create macro issue_of(tenant_id, service_name, fingerprint, previous_fingerprint) as
    case when fingerprint is not null
        then try_cast(md5(concat_ws('/', tenant_id, service_name, coalesce(previous_fingerprint, fingerprint))) as uuid)
    end;
