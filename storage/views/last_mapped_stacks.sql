-- What stored stacks are since their source maps came; of several uploads the last one.
select * from mapped_stacks
qualify row_number() over (
    partition by tenant_id, service_name, release, stack_hash, stored_fingerprint order by ingested_at desc, fingerprint, mapped_stack
) = 1
