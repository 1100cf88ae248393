-- Peak usage times: the ten busiest hours of the week, by events.
-- Weekdays (1 is Monday) and hours are of the session's time zone (UTC unless set).
-- usages: U-user.login-3
-- ledger: 65
select
    isodow(timestamp) as weekday,
    hour(timestamp) as hour,
    count(*) as events,
    count(distinct person) as people,
    round(count(*) / sum(count(*)) over (), 4) as share
from user_activity
group by weekday, hour
order by events desc, weekday, hour
limit 10
