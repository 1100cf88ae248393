-- Which release of a service is the newest that has been seen?
select release
from releases
where tenant_id = $tenant_id and service_name = $service_name
order by release_rank desc
limit 1;
