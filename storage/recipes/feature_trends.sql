-- How use of features changes: uses and people of each week, and the change from the week before.
-- A use is a user.feature_used of a feature, or a view of a page. Weeks begin on Monday; a week without a use of the feature is left out,
-- and the change is then to the last one that has any.
-- usages: U-user.feature_used-4, U-user.page_view-4
-- ledger: 195
select
    feature,
    cast(date_trunc('week', timestamp) as date) as week,
    count(*) as uses,
    count(distinct person) as people,
    count(*) - lag(count(*)) over (partition by feature order by week) as change
from user_activity
where event_name in ('user.page_view', 'user.feature_used') and feature is not null
group by feature, week
order by feature, week
