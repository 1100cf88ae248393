-- Nanoseconds as whole milliseconds, rounded: 0 where negative, 2147483647 where there are more.
create macro whole_ms(ns) as
    try_cast(least(greatest(ns // 1000000 + case when ns % 1000000 >= 500000 then 1 else 0 end, 0), 2147483647) as integer);
