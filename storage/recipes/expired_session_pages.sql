-- Where people were when their session expired: the last page they had viewed, and how many had a form begun that was never submitted.
-- usages: U-user.session_expired-3, U-user.session_expired-2
with expired as (
    select tenant_id, session_id, max(timestamp) as expired_at
    from events
    where event_name = 'user.session_expired' and session_id is not null
    group by all
),
last_pages as (
    select expired.tenant_id, expired.session_id, arg_max(page_slug, view_timestamp) as page_slug
    from expired
    join user_page_views as view on view.tenant_id = expired.tenant_id and view.session_id = expired.session_id
    where view_timestamp <= expired_at
    group by all
),
lost as (
    select tenant_id, session_id, count(*) filter (not submitted) > 0 as lost_a_form
    from form_tries
    group by all
)
select
    coalesce(page_slug, '') as page_slug,
    count(*) as expired_sessions,
    count(*) filter (coalesce(lost_a_form, false)) as with_a_lost_form
from expired
left join last_pages using (tenant_id, session_id)
left join lost using (tenant_id, session_id)
group by all
order by expired_sessions desc, page_slug
