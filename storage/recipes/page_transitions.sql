-- From which page people go to which: pairs of pages that follow each other in a session, the most common first.
-- Where a session ends, the next page is '(end)'. The share is of all views of the page. A login cuts no session; views
-- without one are one session of their person.
-- usages: U-user.page_view-1, U-user.page_view-3
-- ledger: 26
with views as (
    select
        page_slug,
        lead(page_slug, 1, '(end)') over (
            partition by tenant_id, coalesce(nullif(session_id, ''), user_id, anonymous_id) order by view_timestamp
        ) as next_page
    from user_page_views
    where is_bot is not true
)
select
    page_slug,
    next_page,
    count(*) as times,
    round(count(*) / sum(count(*)) over (partition by page_slug), 4) as share
from views
group by page_slug, next_page
order by times desc, page_slug, next_page
