-- A string or number of JSON as a refusal shows it: strings quoted as in JSON, without control characters, cut at 100 characters.
create macro event_value(value) as
    case
        when value[1] = '"' then
            '"' || replace(replace(
                regexp_replace(left(json_extract_string(value, '$'), 100), '[\x00-\x1f\x7f]', ' ', 'g'), '\', '\\'
            ), '"', '\"') || case when length(json_extract_string(value, '$')) > 100 then '..."' else '"' end
        when regexp_full_match(value, '-?[0-9]+') and try_cast(value as bigint) is not null then value
        else try_cast(try_cast(value as double) as varchar)
    end;
