-- A text that orders releases of one scheme: semantic versions (1.2.3, v1.2, pkg@1.2.3; 1.2.3-rc.1 and 1.2.3rc1 before 1.2.3; 1.2.3.post1
-- and, of git describe, 1.2.3-5-g3f2a9c1 behind it) and dates (2026-11-20, then 2026-11-20-2 and 20261120.3); NULL for any other text.
-- 1.2 and 1.2.0 are equal; a package's name, what stands behind +, a commit's hash and -dirty do not count. Letters and digits of a
-- pre-release are taken apart, so that rc2 comes before rc10. A date has no pre-release: with a commit's hash behind it, it has no key.
-- It is made of d (date) or v (version), numbers of 18 digits with / between them, then . and the commits since, or - and the pre-release.
create macro release_key(release) as
    list_transform(
        [regexp_extract(
            left(release, 200),
            '^(?:.*@)?[vV]?(?:'
            '((?:19|20)\d\d(?:-[01]\d-[0-3]\d|[01]\d[0-3]\d)(?:[.-]\d{1,18})*)'
            '|((?:19|20)\d\d(?:-[01]\d-[0-3]\d|[01]\d[0-3]\d)(?:\D.*)?)'
            '|(\d{1,18}(?:\.\d{1,18})*)'
            '(?:-(\d{1,9})-g[0-9a-f]{7,40}|[.]post(\d{1,9})|-[0-9a-f]{7,40}|-([0-9A-Za-z.-]*[0-9A-Za-z.])'
            '|\.?((?:a|b|c|rc|alpha|beta|pre|preview|dev)\d+))??(?:-dirty)?'
            ')(?:\+[0-9A-Za-z.-]*)?$',
            ['day', 'other_day', 'version', 'commits', 'post', 'pre_release', 'python_pre_release']
        )],
        lambda part: case when part.other_day = '' and part.day || part.version <> '' then concat(
            case when part.day <> '' then 'd' else 'v' end,
            array_to_string(list_transform(
                string_split(coalesce(
                    nullif(replace(regexp_replace(part.day, '^(....)-(..)-', '\1\2'), '-', '.'), ''),
                    regexp_replace(part.version, '(\.0+)+$', '')
                ), '.'),
                lambda number: lpad(number, 18, '0')
            ), '/'),
            case
                when part.commits || part.post <> '' then '.' || lpad(part.commits || part.post, 18, '0')
                when part.pre_release || part.python_pre_release = '' then '.'
                else '-' || array_to_string(list_transform(
                    regexp_extract_all(lower(part.pre_release || part.python_pre_release), '\d{1,18}|[a-z]+'),
                    lambda word: case when word < 'a' then '0' || lpad(word, 18, '0') else '1' || word end
                ), '!')
            end
        ) end
    )[1];
