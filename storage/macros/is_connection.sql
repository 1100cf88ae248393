-- Whether a database span opens, takes or gives back a connection, and is no query: it names no statement, summary or collection, and
-- its operation (else its name) says so.
create macro is_connection(statement, summary, collection, operation, name) as
    case when statement is null and summary is null and collection is null then regexp_matches(
        lower(coalesce(nullif(operation, ''), name)),
        '(^|[^a-z])(re|dis|get)?(connect|connection|pool|acquire|release|checkout|checkin)([^a-z]|$)'
    ) else false end;
