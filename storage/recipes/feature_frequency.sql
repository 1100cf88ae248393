-- How often features are used: the most used first.
-- A use is a user.feature_used of a feature, or a view of a page.
-- usages: U-user.feature_used-2, U-user.page_view-2
-- ledger: 195
select
    feature,
    count(*) as uses,
    count(distinct person) as people,
    round(uses / people, 2) as uses_per_person,
    count(distinct (person, cast(timestamp as date))) as person_days,
    round(uses / person_days, 2) as uses_per_person_and_day
from user_activity
where event_name in ('user.page_view', 'user.feature_used') and feature is not null
group by feature
order by uses desc, feature
