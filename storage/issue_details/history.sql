-- What was done about an issue, and what did that change? The oldest first.
-- $issue_ids are the issue and those merged into it; changes are those that events brought about.
select
    activity_timestamp as happened_at, activity, actor, resolved_in, release, ignored_until, ignored_count, ignored_users, assignee,
    issue_id, target_issue_id, fingerprint, comment
from issue_activity
where list_contains($issue_ids, issue_id) or list_contains($issue_ids, target_issue_id)
union all by name
select changed_at as happened_at, change as activity, null as actor, release, issue_id
from issue_changes
where list_contains($issue_ids, issue_id)
order by happened_at, activity;
