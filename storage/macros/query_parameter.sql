-- The value of a parameter in a URL's query, decoded; NULL where it is not there, empty, or not decodable.
create macro query_parameter(url, name) as
    case when contains(url, name || '=') then
        nullif(try(url_decode(replace(regexp_extract(url, concat('^[^#]*?[?&]', name, '=([^&#]*)'), 1), '+', ' '))), '')
    end;
