-- Which alerts were there, and what became of each? The newest first; $status is what became of one last, at any channel; `fired` while none was tried.
-- $rule and $issue_id are NULL for all.
with last as (
    select * from alerts
    where ($rule is null or rule = $rule) and ($issue_id is null or issue_id = $issue_id)
    qualify row_number() over (partition by alert_id, channel order by status_at desc, attempt desc, status <> 'fired' desc) = 1
)
select
    alert_id,
    any_value(rule) as rule,
    any_value(kind) as kind,
    any_value(change) as change,
    any_value(title) as title,
    any_value(issue_id) as issue_id,
    any_value(level) as level,
    any_value(value) as value,
    any_value(threshold) as threshold,
    min(fired_at) as fired_at,
    list({'channel': channel, 'status': status, 'at': status_at, 'attempt': attempt, 'error': error} order by channel)
        filter (channel <> '') as channels,
    coalesce(list_sort(list(distinct status) filter (channel <> '')), list(distinct status)) as statuses
from last
group by alert_id
having $status is null or list_contains(statuses, $status)
order by fired_at desc, alert_id
limit $limit;
