-- The type of a resource: by what asked for it (PerformanceResourceTiming.initiatorType), and where that says little by the ending of its URL.
create macro resource_type(initiator, url) as
    case
        when initiator in ('fetch', 'xmlhttprequest', 'beacon', 'script') then initiator
        when initiator in ('navigation', 'iframe', 'frame') then 'document'
        when initiator in ('img', 'image', 'input') then 'image'
        when initiator in ('audio', 'video', 'track') then 'media'
        else case lower(regexp_extract(url, '\.([A-Za-z0-9]+)(?:[?#]|$)', 1))
            when 'css' then 'stylesheet'
            when 'js' then 'script' when 'mjs' then 'script'
            when 'woff2' then 'font' when 'woff' then 'font' when 'ttf' then 'font' when 'otf' then 'font' when 'eot' then 'font'
            when 'png' then 'image' when 'jpg' then 'image' when 'jpeg' then 'image' when 'gif' then 'image' when 'webp' then 'image'
            when 'avif' then 'image' when 'svg' then 'image' when 'ico' then 'image'
            when 'mp4' then 'media' when 'webm' then 'media' when 'mp3' then 'media' when 'm3u8' then 'media'
            when 'html' then 'document' when 'htm' then 'document'
            else 'other'
        end
    end;
