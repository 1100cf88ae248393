-- Which workflows revenue comes from, by month, most first: amount, share of the month, by workflow and source.
-- Of business.revenue_generated events; what names no workflow stands under an empty one. Refunds (negative amounts) lower it.
-- usages: U-business.revenue_generated-1
-- ledger: 274, 276
with revenue as (
    select
        tenant_id,
        cast(date_trunc('month', timestamp) as date) as month,
        coalesce(properties ->> 'attribution_workflow', '') as workflow_id,
        coalesce(properties ->> 'revenue_source', 'unknown') as revenue_source,
        count(*) as sales,
        cast(sum(try_cast(properties ->> 'revenue_amount' as decimal(18, 6))) as double) as revenue_usd
    from events
    where event_name = 'business.revenue_generated'
    group by all
)
select *, round(revenue_usd / nullif(sum(revenue_usd) over (partition by tenant_id, month), 0), 4) as share_of_month
from revenue
order by tenant_id, month, revenue_usd desc nulls last, workflow_id, revenue_source
