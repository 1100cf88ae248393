-- Feature adoption: of the people who did anything, the share that used each feature.
-- A feature is what user.feature_used names, else the page. Who has any event with it has used it.
-- usages: U-user.page_view-4, U-user.feature_used-1
-- ledger: 194
select
    feature,
    count(distinct person) as people,
    any_value(everybody) as active_people,
    round(people / active_people, 4) as adoption_rate,
    min(timestamp) as first_used
from user_activity
cross join (select count(distinct person) as everybody from user_activity)
where feature is not null
group by feature
order by people desc, feature
