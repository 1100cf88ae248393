-- Which events of a kind happened in a span of time? The newest first.
-- $type is an event's category, type or name, $start is inclusive, $end exclusive; what is NULL holds for all.
select *
from events
where
    ($type is null or $type in (event_category, event_type, event_name))
    and ($start is null or timestamp >= $start)
    and ($end is null or timestamp < $end)
order by time_unix_nano desc, event_id
limit $limit offset $offset;
