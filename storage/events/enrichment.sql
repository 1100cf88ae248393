-- What follows from the page of an event: its path and slug, how the user came to it, and what a campaign added to its URL.
-- event_page holds these columns of the events as they were sent, and what the referrer tells by itself: its site and class.
with event as (
    select
        row_id, url, page_slug, page_route, referrer, referrer_site, referrer_kind,
        translate(lower(url) || '/', '?#', '//') as place,
        coalesce(page_path, url_path(url)) as page_path,
        coalesce(utm_source, query_parameter(url, 'utm_source')) as utm_source,
        coalesce(utm_medium, query_parameter(url, 'utm_medium')) as utm_medium,
        coalesce(utm_campaign, query_parameter(url, 'utm_campaign')) as utm_campaign,
        coalesce(utm_term, query_parameter(url, 'utm_term')) as utm_term,
        coalesce(utm_content, query_parameter(url, 'utm_content')) as utm_content
    from event_page
)
select
    row_id,
    page_path,
    coalesce(page_slug, page_route, case
        when regexp_matches(page_path, '[0-9]') then endpoint_path(null, page_path, null, null)
        else page_path
    end) as page_slug,
    case
        when coalesce(page_path, url, referrer) is null then null
        when coalesce(utm_source, utm_medium, utm_campaign) is not null
            or regexp_matches(url, '[?&](gclid|gbraid|wbraid|msclkid|fbclid|ttclid|li_fat_id|twclid)=') then 'campaign'
        when referrer is null then 'direct'
        when referrer_site is null then referrer_kind
        when starts_with(place, 'https://' || referrer_site || '/') or starts_with(place, 'https://www.' || referrer_site || '/')
            or starts_with(place, 'http://' || referrer_site || '/') or starts_with(place, 'http://www.' || referrer_site || '/')
            then 'internal'
        else referrer_kind
    end as referrer_class,
    utm_source,
    utm_medium,
    utm_campaign,
    utm_term,
    utm_content
from event
