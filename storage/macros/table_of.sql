-- The table of a query: the collection attribute, else what was read from the statement, else (without one) the summary's second word.
create macro table_of(collection, table_read, statement, summary) as
    coalesce(
        nullif(collection, ''),
        nullif(table_read, ''),
        case when statement is null then split_part(summary, ' ', 2) end,
        ''
    );
