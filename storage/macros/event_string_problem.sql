-- What is wrong with a JSON text that is to be a string, one of `values` where the rule has them, or NULL.
create macro event_string_problem(rule, value) as
    case
        when value[1] <> '"' then ': is ' || event_kind(value) || ', expected a string'
        when json_exists(rule, '$.values') and not list_contains(json_extract_string(rule, '$.values[*]'), json_extract_string(value, '$'))
            then ': ' || event_value(value) || ' is not one of ' || (rule ->> '$.allowed')
    end;
