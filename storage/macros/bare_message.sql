-- What a message says: its first line, behind the type in parentheses that a library puts before the message of another.
create macro bare_message(message) as
    split_part(regexp_replace(message, '^\([\w.]{1,200}\) ', ''), chr(10), 1);
