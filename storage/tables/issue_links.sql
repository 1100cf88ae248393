-- Issues whose events count for another one, because they were merged into it. A view without files.
-- The last activity (merged into, or split from another) decides. Links are followed to their end; of links in a circle the oldest does
-- not count.
create table issue_links (
    issue_id         uuid not null,
    current_issue_id uuid not null,
    service_name     text not null,
    tenant_id        text not null
);

comment on column issue_links.issue_id is 'the issue that its events would belong to';
comment on column issue_links.current_issue_id is 'the issue that they count for';
comment on column issue_links.service_name is 'service of the issue, as its last activity says';
comment on column issue_links.tenant_id is 'whose issue it is';

with recursive said as (
    select
        case activity when 'merged' then issue_id else try_cast(md5(concat_ws('/', tenant_id, service_name, fingerprint)) as uuid) end
            as issue_id,
        target_issue_id, service_name, tenant_id,
        {'at': activity_timestamp, 'id': activity_id} as told
    from issue_activity
    where activity in ('merged', 'split')
),
link as materialized (
    select
        tenant_id, issue_id,
        arg_max(service_name, told) as service_name,
        arg_max_null(target_issue_id, told) as target_issue_id,
        max(told) as told
    from said
    group by tenant_id, issue_id
    having target_issue_id is not null
),
reached as (
    select tenant_id, issue_id, service_name, target_issue_id as place from link
    union
    select reached.tenant_id, reached.issue_id, reached.service_name, link.target_issue_id as place
    from reached join link on reached.tenant_id = link.tenant_id and reached.place = link.issue_id
)
select
    reached.issue_id,
    coalesce(
        any_value(reached.place) filter (link.issue_id is null),
        arg_min(reached.place, link.told) filter (circle.issue_id is not null)
    ) as current_issue_id,
    reached.service_name,
    reached.tenant_id
from reached
left join link on reached.tenant_id = link.tenant_id and reached.place = link.issue_id
left join reached circle
    on reached.tenant_id = circle.tenant_id and reached.place = circle.issue_id and reached.place = circle.place
group by reached.tenant_id, reached.issue_id, reached.service_name
having current_issue_id <> reached.issue_id;
