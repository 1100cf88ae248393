-- The path of a URL, / where it has none; NULL where the text is no absolute URL.
create macro path_of_url(url) as
    case when regexp_matches(url, '^[A-Za-z][A-Za-z0-9+.-]*://') then
        coalesce(nullif(regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)', 1), ''), '/')
    end;
