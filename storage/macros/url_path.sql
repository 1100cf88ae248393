-- The path of a URL: / where it names none; NULL where the text is no URL with a host.
create macro url_path(url) as
    case when contains(url, '://') then
        '/' || split_part(split_part(regexp_replace(url, '^[^:/?#]*://[^/?#]*/?', ''), '?', 1), '#', 1)
    end;
