-- What people did: one row for each event of the kinds user.* and custom, with the person and the feature. Bots are left out, and what
-- no person did: user.session_expired, and what systems sent to people (user.notification).
-- A person is the user; of an event without one, the anonymous id.
-- A feature is what user.feature_used names; of other events, the page.
select
    *,
    coalesce(nullif(user_id, ''), nullif(anonymous_id, '')) as person,
    coalesce(case when event_name = 'user.feature_used' then properties ->> 'feature_name' end, nullif(page_slug, '')) as feature
from events
where (starts_with(event_type, 'user.') or event_type = 'custom')
    and event_type <> 'user.notification'
    and event_name <> 'user.session_expired'
    and is_bot is not true
    and coalesce(nullif(user_id, ''), nullif(anonymous_id, '')) is not null
