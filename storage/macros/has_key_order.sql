-- Whether the keys of two releases say which is newer: both are versions, or dates, of one package (or of one that is not named), and not
-- two builds of one version, which differ only in what the keys leave out: what stands behind +, or a commit's hash.
create macro has_key_order(release, key, other, other_key) as
    left(key, 1) = left(other_key, 1)
    and (
        regexp_extract(release, '^(.+)@', 1) in ('', regexp_extract(other, '^(.+)@', 1))
        or regexp_extract(other, '^(.+)@', 1) = ''
    )
    and (
        key <> other_key
        or regexp_extract(release, '([+].*|-g?[0-9a-f]{7,40}(-dirty)?)$') = regexp_extract(other, '([+].*|-g?[0-9a-f]{7,40}(-dirty)?)$')
    );
