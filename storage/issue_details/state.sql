-- How does an issue stand, and why? No row where nothing was done about it: it is open.
select * from issue_states where issue_id = $issue_id;
