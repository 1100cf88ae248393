-- The page of a record: page_slug, else page.slug, else the template of its path; empty where nothing is known.
create macro page_slug_of(attributes, path) as
    coalesce(
        case when contains(attributes, '"page') then coalesce(
            nullif(json_extract_string(attributes, '$."page_slug"'), ''),
            nullif(json_extract_string(attributes, '$."page.slug"'), '')
        ) end,
        endpoint_path(null, path, null, null)
    );
