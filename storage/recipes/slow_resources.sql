-- Resources that cost page loads most: by address without its query, the time of all their loads together, with where it went.
-- Milliseconds of a median load; bytes are what came over the network, 0 from a cache.
-- ledger: 93-103, 183
select
    regexp_replace(request_url, '[?#].*', '') as resource,
    resource_type,
    count(*) as loads,
    round(sum(duration_ms), 0) as total_ms,
    round(median(duration_ms), 1) as median_ms,
    round(quantile_cont(duration_ms, 0.95), 1) as p95_ms,
    round(median(dns_lookup_time + tcp_connection_time + coalesce(tls_handshake_time, 0)), 1) as connection_ms,
    round(median(time_to_first_byte), 1) as first_byte_ms,
    round(median(content_download_time), 1) as download_ms,
    round(avg(transfer_size), 0) as bytes
from network_performance_metrics
group by resource, resource_type
order by total_ms desc, resource
limit cast(coalesce(getvariable('top'), 20) as integer)
