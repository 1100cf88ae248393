-- A path without query and fragment, which may say what a page has no business with; a route in the fragment, #/ or #!, is part of it.
create macro plain_path(path) as
    case when contains(path, '?') or contains(path, '#')
        then regexp_replace(path, '^([^?#]*)(?:\?[^#]*)?(#[/!][^?#]*)?.*$', '\1\2', 's')
        else path
    end;
