-- What people do on a page: filters, date ranges, exports, refreshes, widgets, creating, editing, roles, bulk operations, searches, ...
-- The kind of an action is its type, or what target and context say where that is more exact: a click on something named export is an
-- export, a filter by date a date range, a click in a widget a use of it. Per session: over the sessions that have any action on the page.
-- usages: U-user.feature_used-2
-- ledger: 20-29, 41-54
with sorted as (
    select
        page_slug,
        coalesce(user_id, anonymous_id) as person,
        session_id,
        lower(action_type) as type,
        lower(coalesce(action_target, '')) as target,
        case
            when action_context ->> 'filter_type' like '%date%' or regexp_matches(target, 'date[-_ ]?range') then 'date_range'
            when regexp_matches(type || ' ' || target, 'bulk') then 'bulk_operation'
            when regexp_matches(type || ' ' || target, '(assign|change|set)[-_ ]?role|role[-_ ]?assign') then 'role_assignment'
            when regexp_matches(type || ' ' || target, 'distribut|assign') then 'distribution'
            when type not in ('click', 'submit') then type
            when target like '%widget%' then 'widget'
            when regexp_matches(target, 'export|download') then 'export'
            when regexp_matches(target, 'refresh|reload') then 'refresh'
            when target like '%filter%' then 'filter'
            when target like '%search%' then 'search'
            when regexp_matches(target, 'create|new|add') then 'create'
            when regexp_matches(target, 'edit|update|save') then 'edit'
            when regexp_matches(target, 'delete|remove') then 'delete'
            else type
        end as kind
    from user_actions
    where coalesce(getvariable('page'), 'all') in ('all', page_slug) and is_bot is not true
)
select
    page_slug,
    kind,
    count(*) as actions,
    count(distinct person) as people,
    count(distinct session_id) as sessions,
    round(count(*) / nullif(any_value(page_sessions), 0), 2) as per_session
from sorted
join (select page_slug, count(distinct session_id) as page_sessions from sorted group by page_slug) using (page_slug)
group by page_slug, kind
order by page_slug, actions desc, kind
