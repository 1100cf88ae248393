-- The members of a JSON object whose key matches one regular expression and not the other; NULL where there are none.
create macro members(object, wanted, unwanted := '^$') as
    nullif(
        to_json(map_from_entries(list_transform(
            list_filter(json_keys(object), lambda key: regexp_matches(key, wanted) and not regexp_matches(key, unwanted)),
            lambda key: {'k': key, 'v': json_extract(object, '/' || replace(replace(key, '~', '~0'), '/', '~1'))}
        ))),
        '{}'
    );
