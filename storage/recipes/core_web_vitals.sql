-- Core Web Vitals of each page: the 75th percentile of page loads, and how it rates.
-- Good and poor are Google's: LCP 2,500 and 4,000 ms, INP 200 and 500 ms, FID 100 and 300 ms, CLS 0.1 and 0.25, FCP 1,800 and 3,000 ms,
-- TTFB 800 and 1,800 ms. A page without a measurement of a vital has no row for it.
-- ledger: 82-86, 204
with measured as (
    unpivot (
        select
            page_slug,
            cast(largest_contentful_paint as double) as "LCP",
            cast(interaction_to_next_paint as double) as "INP",
            cast(first_input_delay as double) as "FID",
            cast(cumulative_layout_shift as double) as "CLS",
            cast(first_contentful_paint as double) as "FCP",
            cast(time_to_first_byte as double) as "TTFB"
        from frontend_performance_metrics
    )
    on "LCP", "INP", "FID", "CLS", "FCP", "TTFB" into name vital value measure
),
thresholds (vital, good, poor) as (
    values ('LCP', 2500, 4000), ('INP', 200, 500), ('FID', 100, 300), ('CLS', 0.1, 0.25), ('FCP', 1800, 3000), ('TTFB', 800, 1800)
)
select
    page_slug,
    vital,
    count(*) as page_loads,
    round(quantile_cont(measure, 0.75), 4) as p75,
    case
        when quantile_cont(measure, 0.75) <= good then 'good'
        when quantile_cont(measure, 0.75) <= poor then 'needs improvement'
        else 'poor'
    end as rating,
    round(count(*) filter (measure <= good) / count(*), 4) as good_share
from measured
join thresholds using (vital)
group by page_slug, vital, good, poor
order by page_slug, vital
