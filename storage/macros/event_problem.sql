-- What is wrong with a property's value, a JSON text, or NULL; storage/events/judge.py says the same in the same words. A rule is a JSON
-- object: type, expected (the type in words) and where there are such required, minimum, maximum, values, allowed (the values in words).
create macro event_problem(rule, value) as
    case
        when value is null or value = 'null' then case when rule ->> '$.required' = 'true' then ': is missing' end
        when rule ->> '$.type' = 'string[]' and value[1] = '[' then
            list_filter(
                list_transform(
                    from_json(value, '["JSON"]'),
                    lambda element, number: '[' || (number - 1) || ']'
                        || event_string_problem(rule, coalesce(try_cast(element as varchar), 'null'))
                ),
                lambda problem: problem is not null
            )[1]
        when rule ->> '$.type' = 'string' then
            case
                when value = '""' and rule ->> '$.required' = 'true' and not json_exists(rule, '$.values') then ': is empty'
                else event_string_problem(rule, value)
            end
        when rule ->> '$.type' = 'timestamp' and (value[1] = '"' or try_cast(value as double) is not null)
            or rule ->> '$.type' in ('integer', 'number') and try_cast(value as double) is not null
            then ': ' || event_value(value) || event_value_problem(rule, value)
        when rule ->> '$.type' = 'boolean' and value in ('true', 'false') or rule ->> '$.type' = 'object' and event_kind(value) = 'an object' then null
        else ': is ' || event_kind(value) || ', expected ' || (rule ->> '$.expected')
    end;
