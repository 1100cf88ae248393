-- The id of a row of issue_rows: crash_id of a crash, else error_id of its table.
create macro event_id_of(crash_id, id_text) as coalesce(crash_id, try_cast(md5(id_text) as uuid));
