-- What a JSON text is, in words; NaN, infinities and bytes are objects of one member, as the decoder writes them.
create macro event_kind(value) as
    case
        when value[1] = '"' then 'a string'
        when value in ('true', 'false') then 'a boolean'
        when value[1] = '[' then 'a list'
        when value = '{"$double":"NaN"}' then 'NaN'
        when value in ('{"$double":"Infinity"}', '{"$double":"-Infinity"}') then 'infinite'
        when regexp_full_match(value, '\{"\$bytes":"[A-Za-z0-9+/=]*"\}') then 'bytes'
        when value[1] = '{' then 'an object'
        when value = 'null' then 'null'
        else 'a number'
    end;
