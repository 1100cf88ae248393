-- Database operations, each with the size of its connection pool as its span says it; else with that of its service instance's pools
-- (used and idle) when it began: what the newest server row says that is not newer than the operation and at most 5 minutes older; NULL
-- where there is none.
-- Pool sizes stand in 8,192 slots, by instance and minute; an operation looks into the slots of its minute and the five before. As this
-- is no join, a query that does not ask for connection_pool_size pays 5 ms for it: over 400,000 rows (and 69,120 of servers) a grouping
-- takes 10 to 16 ms with it as without, and 170 to 300 with an as-of join. Asked for, it takes 230 ms, the join 280.
-- Filters reach the files in any case.
select
    * exclude (instance, minute, slots)
    replace (coalesce(
        connection_pool_size,
        list_max(list_filter(slots[minute % 8192 + 1], lambda pool: pool.instance = instance
            and pool.at between timestamp - interval 5 minute and timestamp)).size,
        list_max(list_filter(slots[(minute - 1) % 8192 + 1], lambda pool: pool.instance = instance
            and pool.at between timestamp - interval 5 minute and timestamp)).size,
        list_max(list_filter(slots[(minute - 2) % 8192 + 1], lambda pool: pool.instance = instance
            and pool.at between timestamp - interval 5 minute and timestamp)).size,
        list_max(list_filter(slots[(minute - 3) % 8192 + 1], lambda pool: pool.instance = instance
            and pool.at between timestamp - interval 5 minute and timestamp)).size,
        list_max(list_filter(slots[(minute - 4) % 8192 + 1], lambda pool: pool.instance = instance
            and pool.at between timestamp - interval 5 minute and timestamp)).size,
        list_max(list_filter(slots[(minute - 5) % 8192 + 1], lambda pool: pool.instance = instance
            and pool.at between timestamp - interval 5 minute and timestamp)).size
    ) as connection_pool_size)
from (
    select
        *,
        hash(tenant_id, service_name, environment, service_instance_id) as instance,
        -- each instance counts its minutes from a slot of its own, so that few share one
        epoch_us(timestamp) // 60000000 + try_cast(instance % 8192 as bigint) as minute,
        (
            select list(pools order by slot)
            from (
                select slot, list(pool) filter (pool is not null) as pools
                from (
                    select
                        (epoch_us(timestamp) // 60000000 + try_cast(instance % 8192 as bigint)) % 8192 as slot,
                        struct_pack(at := timestamp, size := db_pool_connections, instance := instance) as pool
                    from (
                        select *, hash(tenant_id, service_name, environment, service_instance_id) as instance
                        from server_performance_metrics_files
                        where db_pool_connections is not null
                    )
                    union all
                    select unnest(range(8192)), null
                )
                group by slot
            )
        ) as slots
    from database_performance_metrics_files
)
