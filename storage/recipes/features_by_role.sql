-- The most used features of each role: uses and people, the first ten of a role.
-- A use is a user.feature_used of a feature, or a view of a page.
-- usages: U-user.feature_used-2
-- ledger: 56, 182
select
    user_role,
    row_number() over (partition by user_role order by count(*) desc, feature) as rank,
    feature,
    count(*) as uses,
    count(distinct person) as people
from user_activity
where event_name in ('user.page_view', 'user.feature_used') and feature is not null
group by user_role, feature
qualify rank <= cast(coalesce(getvariable('top'), 10) as integer)
order by user_role, rank
