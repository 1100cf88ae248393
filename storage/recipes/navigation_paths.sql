-- The paths that people take: three pages in a row within a session, by role, the most common first.
-- A page that is viewed again at once (reload) counts once. The share is of all such paths of the role, which is
-- that of the first page. A login cuts no session; views without one are one session of their person.
-- usages: U-user.page_view-1
-- ledger: 59
with views as (
    select tenant_id, coalesce(nullif(session_id, ''), user_id, anonymous_id) as visit, session_id, user_role, page_slug, view_timestamp
    from user_page_views
    where page_slug <> '' and is_bot is not true
    qualify page_slug is distinct from lag(page_slug) over (partition by tenant_id, visit order by view_timestamp)
),
paths as (
    select
        user_role,
        session_id,
        concat_ws(
            ' > ',
            page_slug,
            lead(page_slug) over following,
            lead(page_slug, 2) over following
        ) as path
    from views
    window following as (partition by tenant_id, visit order by view_timestamp)
    qualify lead(page_slug, 2) over following is not null
)
select
    user_role,
    path,
    count(*) as times,
    count(distinct session_id) as sessions,
    round(count(*) / sum(count(*)) over (partition by user_role), 4) as share
from paths
group by user_role, path
qualify row_number() over (partition by user_role order by count(*) desc, path) <= cast(coalesce(getvariable('top'), 10) as integer)
order by user_role, times desc, path
