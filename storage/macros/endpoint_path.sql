-- The endpoint of a request: its route, else its path with ids replaced by {id}, else empty.
-- An id is a segment with a digit that is 20 characters or longer, or of digits and dashes, or 8 and more hexadecimal digits and dashes.
create macro endpoint_path(route, path, target, url) as
    case when route <> '' then route else
        array_to_string(list_transform(
            string_split(
                coalesce(
                    nullif(path, ''),
                    nullif(regexp_replace(target, '[?#].*$', ''), ''),
                    regexp_extract(url, '^[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*([^?#]*)', 1),
                    ''
                ), '/'
            ),
            lambda segment: case when regexp_full_match(segment, '[A-Za-z0-9_~=-]*[0-9][A-Za-z0-9_~=-]*') and (
                length(segment) >= 20 or regexp_full_match(segment, '[0-9-]+|[0-9a-fA-F-]{8,}')
            ) then '{id}' else segment end
        ), '/')
    end;
