-- A moment that a browser tells, in milliseconds since the navigation began; NULL where it says 0, which is "did not happen".
create macro happened_at(ms) as
    case when ms > 0 then ms end;
