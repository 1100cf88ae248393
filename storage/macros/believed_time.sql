-- The time of a row, or that of its arrival where its own lies too far in the future to be true.
create macro believed_time(moment, time_suspect, ingested_at) as
    case when time_suspect and moment > ingested_at then ingested_at else moment end;
