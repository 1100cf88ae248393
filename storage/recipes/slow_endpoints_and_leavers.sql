-- Slow endpoints, and the users who left after them: the share of slow requests after which nothing more happened.
-- Within a minute of the answer, by the user who asked; requests without a user say nothing. To leave a page, a form or the session is
-- to leave, not to go on.
-- ledger: 199-200
with slow as (
    select tenant_id, endpoint_path, user_id, request_timestamp, duration_ns
    from api_performance_metrics
    where slow_api and user_id is not null
),
followed as (
    select slow.*, exists (
        select 1
        from user_activity
        where user_activity.tenant_id = slow.tenant_id and user_activity.user_id = slow.user_id
            and user_activity.event_name not in ('user.page_leave', 'form.abandon', 'user.logout', 'session.end')
            and user_activity.timestamp > slow.request_timestamp + to_microseconds(slow.duration_ns // 1000)
            and user_activity.timestamp <= slow.request_timestamp + to_microseconds(slow.duration_ns // 1000) + interval 1 minute
    ) as went_on
    from slow
)
select
    endpoint_path,
    count(*) as slow_requests,
    round(median(duration_ns) / 1e6, 1) as median_ms,
    count(distinct user_id) as people,
    count(*) filter (not went_on) as left_after,
    round(count(*) filter (not went_on) / count(*), 4) as leaving_rate
from followed
group by endpoint_path
order by left_after desc, endpoint_path
