-- Milliseconds from one moment to another, to the microsecond; NULL where the browser says 0 for either, which is "did not happen" or "is not
-- told to other origins", or where the second comes first.
create macro elapsed_ms(from_ms, to_ms) as
    case when from_ms > 0 and to_ms >= from_ms then round(to_ms - from_ms, 3) end;
