-- Lifetime value of each customer (organization), highest first: revenue so far, for each month, and as the newest sale says it.
-- Of business.revenue_generated events. Months count from that of the first sale to that of the tenant's newest one, both included.
-- usages: U-business.revenue_generated-3
-- ledger: 274, 276
with sales as (
    select
        tenant_id,
        organization_id,
        timestamp,
        try_cast(properties ->> 'revenue_amount' as decimal(18, 6)) as amount,
        try_cast(properties ->> 'customer_lifetime_value' as double) as said,
        max(timestamp) over (partition by tenant_id) as newest_at
    from events
    where event_name = 'business.revenue_generated'
),
customers as (
    select
        tenant_id,
        organization_id,
        count(*) as sales,
        cast(sum(amount) as double) as revenue_usd,
        datediff('month', min(timestamp), max(newest_at)) + 1 as months,
        arg_max(said, timestamp) as said_lifetime_value_usd
    from sales
    group by all
)
select
    tenant_id, organization_id, sales, revenue_usd, months, revenue_usd / months as usd_for_each_month, said_lifetime_value_usd
from customers
order by tenant_id, revenue_usd desc nulls last, organization_id
