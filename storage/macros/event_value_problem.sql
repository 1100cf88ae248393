-- What a number breaks of its rule, or a string that is to be a time, or NULL.
create macro event_value_problem(rule, value) as
    case
        when rule ->> '$.type' = 'timestamp' then
            case
                when regexp_full_match(value, '"' || (rule ->> '$.pattern') || '"') and try_cast(value[2:11] as date) >= '0001-01-01' then null
                when try_cast(value as double) between -62135596800000 and 253402300799999 then null
                else ' is not a timestamp (RFC 3339, or milliseconds since 1970)'
            end
        when rule ->> '$.type' = 'integer' and try_cast(value as double) <> trunc(try_cast(value as double)) then ' is not an integer'
        when rule ->> '$.type' = 'integer' and abs(try_cast(value as double)) >= 9223372036854775808 then ' is beyond 64 bits'
        when try_cast(value as double) < try_cast(rule ->> '$.minimum' as double) then ' is less than ' || (rule ->> '$.minimum')
        when try_cast(value as double) > try_cast(rule ->> '$.maximum' as double) then ' is more than ' || (rule ->> '$.maximum')
    end;
