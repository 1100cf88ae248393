-- Which issues match? What is NULL holds for all; $text is looked for in title, culprit and type, in any case.
-- $sort is last-seen, first-seen, events or users; the newest or the most first.
select *, count(*) over () as matching
from issues
where
    ($statuses is null or list_contains($statuses, status))
    and ($service is null or list_contains(services, $service))
    and ($release is null or list_contains(releases, $release))
    and ($environment is null or list_contains(environments, $environment))
    and ($level is null or level = $level)
    and ($assignee is null or assignee = $assignee)
    and ($text is null or contains(lower(concat_ws(' ', title, culprit, error_type)), lower($text)))
order by
    case $sort when 'events' then events_count when 'users' then users_count end desc nulls last,
    case $sort when 'first-seen' then first_seen else last_seen end desc,
    issue_id
limit $limit;
