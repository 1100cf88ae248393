-- A text as JSON: a JSON document as it is, any other text as a string.
create macro document(value) as
    case when value is not null then try_cast(case when json_valid(value) then value else try_cast(to_json(value) as text) end as json) end;
