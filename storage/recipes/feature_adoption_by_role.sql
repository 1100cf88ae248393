-- Feature adoption by role: of the people of a role who did anything, the share that used each feature.
-- A feature is what user.feature_used names, else the page. Who acted in two roles counts in both.
-- usages: U-user.feature_used-1
-- ledger: 58, 210
select
    user_role,
    feature,
    count(distinct person) as people,
    any_value(everybody) as active_people,
    round(count(distinct person) / any_value(everybody), 4) as adoption_rate
from user_activity
join (select user_role, count(distinct person) as everybody from user_activity group by user_role) using (user_role)
where feature is not null
group by user_role, feature
order by user_role, people desc, feature
