-- How well sales go, by kind of revenue and size of the deal: amounts, days from first contact to close, revenue for each of them.
-- Of business.revenue_generated events. Revenue for a day is of sales that say how long they took.
-- usages: U-business.revenue_generated-2
-- ledger: 274, 276
with sales as (
    select
        tenant_id,
        coalesce(properties ->> 'revenue_type', 'unknown') as revenue_type,
        coalesce(properties ->> 'deal_size', 'unknown') as deal_size,
        try_cast(properties ->> 'revenue_amount' as decimal(18, 6)) as amount,
        try_cast(properties ->> 'sales_cycle_length' as double) as days
    from events
    where event_name = 'business.revenue_generated'
)
select
    tenant_id,
    revenue_type,
    deal_size,
    count(*) as sales,
    round(cast(sum(amount) as double), 6) as revenue_usd,
    round(cast(sum(amount) as double) / nullif(count(amount), 0), 6) as mean_usd,
    round(median(days), 3) as median_days,
    round(cast(sum(amount) filter (days is not null) as double) / nullif(sum(days) filter (amount is not null), 0), 6) as usd_for_each_day
from sales
group by all
order by tenant_id, revenue_usd desc nulls last, revenue_type, deal_size
