-- pricing summary by flag and status
select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price,
    sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, sum(l_extendedprice * (1 - l_discount) * (1 + l_tax)) as sum_charge,
    avg(l_quantity) as avg_qty, avg(l_discount) as avg_disc, count(*) as count_order
from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day
group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus
---
-- cheapest supplier of each part in a region
select s_acctbal, s_name, n_name, p_partkey, p_mfgr from part, supplier, partsupp, nation, region
where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size < 20 and p_type like '%BRASS' and s_nationkey = n_nationkey
  and n_regionkey = r_regionkey and r_name = 'EUROPE' and ps_supplycost = (
    select min(ps_supplycost) from partsupp, supplier, nation, region where p_partkey = ps_partkey and s_suppkey = ps_suppkey
      and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE')
order by s_acctbal desc, n_name, s_name, p_partkey limit 100
---
-- shipping priority
select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority
from customer, orders_h, lineitem
where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15'
group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10
---
-- order priority checking
select o_orderpriority, count(*) as order_count from orders_h
where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-07-01' + interval '3' month * 4
  and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate)
group by o_orderpriority order by o_orderpriority
---
-- local supplier volume
select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from customer, orders_h, lineitem, supplier, nation, region
where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and s_nationkey = n_nationkey
  and n_regionkey = r_regionkey and r_name in ('ASIA', 'EUROPE', 'AMERICA')
group by n_name order by revenue desc
---
-- forecast of revenue change
select sum(l_extendedprice * l_discount) as revenue from lineitem
where l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-01-01' + interval '1' year and l_discount between 0.06 - 0.01 and 0.06 + 0.01 and l_quantity < 24
---
-- volume shipped between two nations
select supp_nation, cust_nation, l_year, sum(volume) as revenue from (
  select n1.n_name as supp_nation, n2.n_name as cust_nation, extract(year from l_shipdate) as l_year, l_extendedprice * (1 - l_discount) as volume
  from supplier, lineitem, orders_h, customer, nation n1, nation n2
  where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey
    and ((n1.n_name = 'FRANCE' and n2.n_name = 'GERMANY') or (n1.n_name = 'GERMANY' and n2.n_name = 'FRANCE'))
    and l_shipdate between date '1993-01-01' and date '1998-12-31') as shipping
group by supp_nation, cust_nation, l_year order by supp_nation, cust_nation, l_year
---
-- national market share
select o_year, sum(case when nation = 'BRAZIL' then volume else 0 end) / nullif(sum(volume), 0) as mkt_share from (
  select extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation
  from part join lineitem on p_partkey = l_partkey join supplier on s_suppkey = l_suppkey join orders_h on l_orderkey = o_orderkey
  join customer on o_custkey = c_custkey join nation n1 on c_nationkey = n1.n_nationkey join region on n1.n_regionkey = r_regionkey
  join nation n2 on s_nationkey = n2.n_nationkey where r_name = 'AMERICA') as all_nations
group by o_year order by o_year
---
-- profit by product type
select nation, o_year, sum(amount) as sum_profit from (
  select n_name as nation, extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) - ps_supplycost * l_quantity as amount
  from part, supplier, lineitem, partsupp, orders_h, nation
  where s_suppkey = l_suppkey and ps_suppkey = l_suppkey and ps_partkey = l_partkey and p_partkey = l_partkey and o_orderkey = l_orderkey
    and s_nationkey = n_nationkey and p_name like '%green%') as profit
group by nation, o_year order by nation, o_year desc
---
-- returned items
select c_custkey, c_name, sum(l_extendedprice * (1 - l_discount)) as revenue, c_acctbal, n_name
from customer, orders_h, lineitem, nation
where c_custkey = o_custkey and l_orderkey = o_orderkey and l_returnflag = 'R' and c_nationkey = n_nationkey
group by c_custkey, c_name, c_acctbal, n_name order by revenue desc, c_custkey fetch first 20 rows only
---
-- important stock
select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp, supplier, nation
where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name = 'GERMANY'
group by ps_partkey having sum(ps_supplycost * ps_availqty) > (
  select sum(ps_supplycost * ps_availqty) * 0.0001 from partsupp, supplier, nation where ps_suppkey = s_suppkey and s_nationkey = n_nationkey and n_name = 'GERMANY')
order by value desc
---
-- shipping modes and priorities
select l_shipmode, sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high_line_count,
  sum(case when o_orderpriority <> '1-URGENT' and o_orderpriority <> '2-HIGH' then 1 else 0 end) as low_line_count
from orders_h, lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') and l_commitdate < l_receiptdate
group by l_shipmode order by l_shipmode
---
-- distribution of customers by orders
select c_count, count(*) as custdist from (
  select c_custkey, count(o_orderkey) from customer left outer join orders_h on c_custkey = o_custkey and o_comment not like '%special%requests%'
  group by c_custkey) as c_orders (c_custkey, c_count)
group by c_count order by custdist desc, c_count desc
---
-- promotion effect
select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * (1 - l_discount)) as promo_revenue
from lineitem, part where l_partkey = p_partkey
---
-- top supplier by a WITH
with revenue (supplier_no, total_revenue) as (
  select l_suppkey, sum(l_extendedprice * (1 - l_discount)) from lineitem group by l_suppkey)
select s_suppkey, s_name, total_revenue from supplier, revenue
where s_suppkey = supplier_no and total_revenue = (select max(total_revenue) from revenue) order by s_suppkey
---
-- parts and suppliers without complaints
select p_brand, p_type, p_size, count(distinct ps_suppkey) as supplier_cnt from partsupp, part
where p_partkey = ps_partkey and p_brand <> 'Brand#45' and p_type not like 'MEDIUM POLISHED%' and p_size in (1, 2, 3, 5, 8, 13, 21)
  and ps_suppkey not in (select s_suppkey from supplier where s_comment like '%Customer%Complaints%')
group by p_brand, p_type, p_size order by supplier_cnt desc, p_brand, p_type, p_size
---
-- small quantity orders
select sum(l_extendedprice) / 7.0 as avg_yearly from lineitem, part
where p_partkey = l_partkey and l_quantity < (select 0.9 * avg(l_quantity) from lineitem where l_partkey = p_partkey)
---
-- large volume customers
select c_name, c_custkey, o_orderkey, o_orderdate, sum(l_quantity) from customer, orders_h, lineitem
where o_orderkey in (select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > 100) and c_custkey = o_custkey and o_orderkey = l_orderkey
group by c_name, c_custkey, o_orderkey, o_orderdate order by o_orderdate, o_orderkey limit 100
---
-- discounted revenue of some parts
select sum(l_extendedprice * (1 - l_discount)) as revenue from lineitem, part
where (p_partkey = l_partkey and p_brand = 'Brand#12' and p_container in ('SM CASE', 'SM BOX') and l_quantity >= 1 and l_quantity <= 1 + 30 and p_size between 1 and 45)
   or (p_partkey = l_partkey and p_brand = 'Brand#23' and p_container in ('MED BAG', 'MED BOX') and l_shipmode in ('AIR', 'AIR REG'))
---
-- suppliers with spare parts
select s_name, s_address from supplier, nation where s_suppkey in (
  select ps_suppkey from partsupp where ps_partkey in (select p_partkey from part where p_name like 'forest%')
    and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem where l_partkey = ps_partkey and l_suppkey = ps_suppkey))
  and s_nationkey = n_nationkey order by s_name
---
-- suppliers who kept orders waiting
select s_name, count(*) as numwait from supplier, lineitem l1, orders_h, nation
where s_suppkey = l1.l_suppkey and o_orderkey = l1.l_orderkey and o_orderstatus = 'F' and l1.l_receiptdate > l1.l_commitdate
  and exists (select * from lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey)
  and not exists (select * from lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_suppkey <> l1.l_suppkey and l3.l_receiptdate > l3.l_commitdate)
  and s_nationkey = n_nationkey group by s_name order by numwait desc, s_name
---
-- global sales opportunity
select cntrycode, count(*) as numcust, sum(c_acctbal) as totacctbal from (
  select substring(c_phone from 1 for 2) as cntrycode, c_acctbal from customer
  where substring(c_phone from 1 for 2) in ('13', '11', '12') and c_acctbal > (select avg(c_acctbal) from customer where c_acctbal > 0.00)
    and not exists (select * from orders_h where o_custkey = c_custkey)) as custsale
group by cntrycode order by cntrycode
---
-- brand sales in a month
select d.d_year, i.i_brand_id brand_id, i.i_brand brand, sum(ss_ext_sales_price) sum_agg
from date_dim d, store_sales, item i where d.d_date_sk = ss_sold_date_sk and ss_item_sk = i_item_sk and i_manufact_id = 3 and d.d_moy = 11
group by d.d_year, i.i_brand, i.i_brand_id order by d.d_year, sum_agg desc, brand_id
---
-- hard: sales by week day, pivoted, beside the year before
with wscs as (select ws_sold_date_sk sold_date_sk, ws_ext_sales_price sales_price from web_sales union all select ss_sold_date_sk, ss_ext_sales_price from store_sales),
wswscs as (
  select d_week_seq, sum(case when d_dow = 0 then sales_price else null end) sun_sales, sum(case when d_dow = 1 then sales_price else null end) mon_sales,
    sum(sales_price) filter (where d_dow = 6) sat_sales from wscs, date_dim where d_date_sk = sold_date_sk group by d_week_seq)
select y.d_week_seq, round(y.sun_sales / nullif(z.sun_sales, 0), 2), round(y.mon_sales / nullif(z.mon_sales, 0), 2), y.sat_sales
from wswscs y join wswscs z on y.d_week_seq = z.d_week_seq - 53 where y.d_week_seq < 30 order by 1
---
-- hard: rollup of channels with subtotals
select channel, id, sum(sales) as sales, sum(profit) as profit, grouping(channel, id) as level from (
  select 'store channel' as channel, 'store' || s_store_sk as id, ss_ext_sales_price as sales, ss_net_profit as profit from store_sales join store on s_store_sk = ss_store_sk
  union all select 'web channel', 'item' || ws_item_sk % 3, ws_ext_sales_price, ws_net_profit from web_sales) x
group by rollup (channel, id) order by channel nulls last, id nulls last
---
-- customers who bought on the web and in a store
select count(*) from (
  select distinct ss_customer_sk from store_sales, date_dim where ss_sold_date_sk = d_date_sk and d_year = 2000
  intersect select distinct ws_bill_customer_sk from web_sales, date_dim where ws_sold_date_sk = d_date_sk and d_year = 2000) hot_cust
---
-- customers of the store but not of the web
(select ss_customer_sk from store_sales where ss_quantity > 5) except (select ws_bill_customer_sk from web_sales where ws_quantity > 3) order by 1
---
-- hard: rank of items within their class by profit
select * from (
  select i_category, i_class, grouping(i_category) + grouping(i_class) as lochierarchy, sum(ss_net_profit) as profit,
    rank() over (partition by grouping(i_category) + grouping(i_class), case when grouping(i_class) = 0 then i_category end order by sum(ss_net_profit) desc) as rank_within_parent
  from store_sales join item on i_item_sk = ss_item_sk group by rollup (i_category, i_class)) t
where rank_within_parent <= 100 order by lochierarchy desc, case when lochierarchy = 0 then i_category end, rank_within_parent, i_class
---
-- hard: month against the average of its year
with monthly as (
  select i_brand, d_year, d_moy, sum(ss_sales_price) sum_sales, avg(sum(ss_sales_price)) over (partition by i_brand, d_year) avg_monthly,
    rank() over (partition by i_brand order by d_year, d_moy) rn
  from item, store_sales, date_dim where ss_item_sk = i_item_sk and ss_sold_date_sk = d_date_sk group by i_brand, d_year, d_moy)
select v1.i_brand, v1.d_year, v1.d_moy, v1.sum_sales, round(v1.avg_monthly, 2), lag.sum_sales psum, lead.sum_sales nsum
from monthly v1 left join monthly lag on v1.i_brand = lag.i_brand and v1.rn = lag.rn + 1 left join monthly lead on v1.i_brand = lead.i_brand and v1.rn = lead.rn - 1
where v1.d_year = 2000 and abs(v1.sum_sales - v1.avg_monthly) / v1.avg_monthly > 0.1 order by v1.sum_sales - v1.avg_monthly, 3, 1
---
-- share of a class in its category
select i_category, i_class, sum(ss_ext_sales_price) as itemrevenue,
  sum(ss_ext_sales_price) * 100 / sum(sum(ss_ext_sales_price)) over (partition by i_category) as revenueratio
from store_sales, item where ss_item_sk = i_item_sk group by i_category, i_class order by i_category, i_class
---
-- counts by bands of quantity
select case when (select count(*) from store_sales where ss_quantity between 1 and 4) > 100 then (select avg(ss_sales_price) from store_sales where ss_quantity between 1 and 4)
  else (select avg(ss_net_profit) from store_sales where ss_quantity between 1 and 4) end bucket1
from store where s_store_sk = 1
---
-- hard: cumulative web and store sales compared
with web_v1 as (
  select ws_item_sk item_sk, d_date, sum(sum(ws_ext_sales_price)) over (partition by ws_item_sk order by d_date rows between unbounded preceding and current row) cume_sales
  from web_sales, date_dim where ws_sold_date_sk = d_date_sk and d_moy between 1 and 6 group by ws_item_sk, d_date),
store_v1 as (
  select ss_item_sk item_sk, d_date, sum(sum(ss_sales_price)) over (partition by ss_item_sk order by d_date rows between unbounded preceding and current row) cume_sales
  from store_sales, date_dim where ss_sold_date_sk = d_date_sk and d_moy between 1 and 6 group by ss_item_sk, d_date)
select * from (
  select item_sk, d_date, web_sales, store_sales, max(web_sales) over (partition by item_sk order by d_date rows between unbounded preceding and current row) web_cumulative,
    max(store_sales) over (partition by item_sk order by d_date rows between unbounded preceding and current row) store_cumulative
  from (select case when web.item_sk is not null then web.item_sk else store.item_sk end item_sk, case when web.d_date is not null then web.d_date else store.d_date end d_date,
          web.cume_sales web_sales, store.cume_sales store_sales
        from web_v1 web full outer join store_v1 store on (web.item_sk = store.item_sk and web.d_date = store.d_date)) x) y
where web_cumulative > store_cumulative order by item_sk, d_date limit 50
---
-- invoices by month and account
select to_char(date_trunc('month', date), 'YYYY-MM') as month, a.code, sum(debit) - sum(credit) as balance
from account_move_line l join account_account a on a.id = l.account_id group by 1, 2 order by 1, 2
---
-- trial balance with a total
select coalesce(a.code, 'total') as code, sum(l.debit) as debit, sum(l.credit) as credit
from account_move_line l join account_account a on a.id = l.account_id group by grouping sets ((a.code), ()) order by a.code nulls last
---
-- aged receivables
select p.name, sum(l.debit) filter (where date '2026-12-31' - l.date_maturity <= 30) as current,
  sum(l.debit) filter (where date '2026-12-31' - l.date_maturity between 31 and 60) as "31-60",
  sum(l.debit) filter (where date '2026-12-31' - l.date_maturity > 60) as older
from account_move_line l join res_partner p on p.id = l.partner_id where l.account_id = 2 and not l.reconciled group by p.id, p.name order by p.name
---
-- running balance of an account
select date, move_id, debit, credit, sum(debit - credit) over (partition by account_id order by date, id) as balance from account_move_line where account_id = 2 order by date limit 20
---
-- moves that don't balance
select move_id, sum(debit), sum(credit) from account_move_line group by move_id having sum(debit) <> sum(credit) order by 1
---
-- sales by seller and state
select user_id, state, count(*) as n, sum(amount_total)::numeric(16, 2) as total from sale_order group by user_id, state order by user_id, state
---
-- order lines with margin
select o.name, l.sequence, p.default_code, l.qty, round(l.price_unit * (1 - l.discount / 100.0), 2) as net from sale_order o
join sale_order_line l on l.order_id = o.id left join product_product p on p.id = l.product_id where o.state in ('sale', 'done') order by o.id, l.sequence, l.id limit 30
---
-- names in a language, by default in English
select id, coalesce(name ->> 'de_DE', name ->> 'en_US') as name, name -> 'en_US' from product_product where active order by id
---
-- best sellers of each category
select * from (
  select c.name as category, p.default_code, sum(l.qty) as sold, dense_rank() over (partition by c.id order by sum(l.qty) desc) as place
  from sale_order_line l join product_product p on p.id = l.product_id join product_category c on c.id = p.categ_id group by c.id, c.name, p.id, p.default_code) ranked
where place <= 2 order by category, place, default_code
---
-- hard: categories below another, by the path
select c.name, (select count(*) from product_product p where p.categ_id in (select d.id from product_category d where d.parent_path like c.parent_path || '%')) as products,
  array_length(string_to_array(rtrim(c.parent_path, '/'), '/'), 1) as depth from product_category c order by c.parent_path
---
-- partners without orders
select p.id, p.name from res_partner p where not exists (select 1 from sale_order o where o.partner_id = p.id and o.state = 'done') and p.is_company is not true order by p.id
---
-- companies and their contacts in one row
select c.name, string_agg(p.name, ', ' order by p.name) as contacts, count(p.email) as with_email from res_partner c join res_partner p on p.parent_id = c.id group by c.id, c.name order by c.name
---
-- stock on hand
select m.product_id, sum(case when location_to = 'stock' then qty else 0 end) - sum(case when location_from = 'stock' then qty else 0 end) as on_hand
from stock_move m where state = 'done' group by m.product_id order by m.product_id
---
-- hard: stock level after each move
select product_id, done_at, qty, sum(case location_to when 'stock' then qty else -qty end) over w as level, count(*) over w
from stock_move where state = 'done' and product_id < 4 window w as (partition by product_id order by done_at rows unbounded preceding) order by 1, 2
---
-- employees and their chiefs
select e.name, m.name as manager, e.salary, round(avg(e.salary) over (partition by e.department), 2) as of_department from hr_employee e left join hr_employee m on m.id = e.manager_id order by e.id
---
-- hard: tree of employees with path and depth
with recursive chain (id, name, path, depth) as (
  select id, name, array[name], 0 from hr_employee where manager_id is null
  union all select e.id, e.name, c.path || e.name, c.depth + 1 from hr_employee e join chain c on e.manager_id = c.id)
select repeat('  ', depth) || name as tree, array_to_string(path, ' > ') as path from chain order by path
---
-- hard: salary of everybody below a chief
with recursive below as (select id as chief, id from hr_employee union select b.chief, e.id from below b join hr_employee e on e.manager_id = b.id)
select c.name, sum(e.salary) filter (where e.id <> c.id) as below, count(*) - 1 as people from below b join hr_employee c on c.id = b.chief join hr_employee e on e.id = b.id group by c.id, c.name order by c.id
---
-- hours worked by week
select employee_id, date_trunc('week', check_in)::date as week, sum(check_out - check_in) as hours, round(sum(extract(epoch from check_out - check_in)) / 3600, 2) as decimal_hours from attendance group by 1, 2 order by 1, 2
---
-- days with overtime
select employee_id, check_in::date, check_out - check_in - interval '8 hours' as over from attendance where check_out - check_in > interval '8 hours 20 minutes' order by 1, 2
---
-- turnover per year with change
select extract(year from date_order)::int as year, sum(amount_total) as total, sum(amount_total) - lag(sum(amount_total)) over (order by extract(year from date_order)) as change from sale_order group by 1, extract(year from date_order) order by 1
---
-- cohort of partners by month of creation
select date_trunc('month', create_date) as cohort, count(*) as partners, count(*) filter (where exists (select 1 from sale_order o where o.partner_id = p.id)) as buyers from res_partner p group by 1 order by 1
---
-- hard: months of a customer since the first order
with firsts as (select partner_id, min(date_trunc('month', date_order)) as first from sale_order group by partner_id)
select f.first::date, extract(year from age(date_trunc('month', o.date_order), f.first)) * 12 + extract(month from age(date_trunc('month', o.date_order), f.first)) as months, count(distinct o.partner_id)
from sale_order o join firsts f using (partner_id) group by 1, 2 order by 1, 2
---
-- rfm segments
select partner_id, ntile(4) over (order by max(date_order) desc) as r, ntile(4) over (order by count(*)) as f, ntile(4) over (order by sum(amount_total), partner_id) as m from sale_order group by partner_id having count(*) > 0 order by partner_id limit 20
---
-- tax tags of lines
select unnest(tax_tags) as tag, sum(credit) from account_move_line where credit > 0 group by 1 order by 1
---
-- lines with any of these tags
select count(*) from account_move_line where tax_tags && array[3, 4] and not tax_tags @> array[1]
---
-- hard: islands of days of logins
select user_id, min(day) as since, max(day) as until, count(*) as days from (select user_id, day, day - (row_number() over (partition by user_id order by day))::int as island from logins) x group by user_id, island order by user_id, since
---
-- hard: gaps between days of logins
select user_id, day + 1 as gap_from, next - 1 as gap_to, next - day - 1 as days from (select user_id, day, lead(day) over (partition by user_id order by day) as next from logins) x where next - day > 1 order by 1, 2
---
-- hard: longest streak of each user
select distinct on (user_id) user_id, days from (
  select user_id, count(*) as days from (select user_id, day - dense_rank() over (partition by user_id order by day)::int as island from logins) x group by user_id, island) y order by user_id, days desc
---
-- hard: sessions by a pause of an hour
select sensor, session, min(at), max(at), count(*) from (
  select sensor, at, sum(new) over (partition by sensor order by at) as session from (
    select sensor, at, case when at - lag(at) over (partition by sensor order by at) <= interval '17 minutes' then 0 else 1 end as new from readings where value is not null) x) y
group by sensor, session order by 1, 2
---
-- days without a login
select d::date from generate_series(date '2026-01-01', date '2026-01-31', interval '1 day') as d where not exists (select 1 from logins l where l.day = d::date and l.user_id = 1) order by 1
---
-- calendar of months with counts, empty ones too
select m::date as month, count(o.id) as orders, coalesce(sum(o.amount), 0) as amount from generate_series(timestamp '2026-01-01', timestamp '2026-06-01', '1 month') m left join orders o on date_trunc('month', o.placed) = m group by m order by m
---
-- working days of a month
select count(*) from generate_series('2026-02-01'::date, '2026-02-28'::date, '1 day'::interval) d(day) where extract(isodow from d.day) < 6
---
-- iso weeks around new year
select d::date, to_char(d, 'IYYY-IW') as week, extract(isoyear from d) as y, extract(week from d) as w, extract(doy from d), extract(dow from d) from generate_series(timestamp '2025-12-28', '2026-01-04', '1 day') d order by 1
---
-- hard: last day, quarter and half year of each month
select m::date, (m + interval '1 month - 1 day')::date as last, date_trunc('quarter', m)::date, 'H' || ceil(extract(month from m) / 6)::int as half, date_part('days', m + interval '1 month' - interval '1 day') as days
from generate_series(date '2024-01-01', date '2024-12-01', interval '1 month') as m order by 1
---
-- hard: gaps filled with the value before
select sensor, at, value, first_value(value) over (partition by sensor, grp order by at) as filled from (select *, count(value) over (partition by sensor order by at) as grp from readings) r where at < timestamptz '2026-01-01 06:00+00' order by 1, 2
---
-- hourly averages with the change
select sensor, date_trunc('hour', at) as hour, round(avg(value)::numeric, 3) as mean, round((avg(value) - lag(avg(value)) over (partition by sensor order by date_trunc('hour', at)))::numeric, 3) as change from readings group by 1, 2 order by 1, 2 limit 40
---
-- hard: moving average over time
select sensor, at, avg(value) over (partition by sensor order by at range between interval '1 hour' preceding and interval '30 minutes' following) from readings where sensor = 's1' order by at limit 25
---
-- hard: window frames by groups, with exclusions
select id, grp, sum(id) over (order by grp groups between 1 preceding and current row) as a, sum(id) over (order by grp groups between current row and 1 following exclude current row) as b,
  count(*) over (order by grp range between unbounded preceding and unbounded following exclude ties) as c, sum(id) over (order by grp rows between 1 preceding and 1 following exclude group) as d
from (select n as id, n / 3 as grp from generate_series(1, 10) n) x order by id
---
-- percentiles by sensor
select sensor, percentile_cont(0.5) within group (order by value) as median, percentile_disc(array[0.25, 0.75]) within group (order by value) as quartiles, mode() within group (order by value) from readings group by sensor order by sensor
---
-- hypothetical place
select rank(24.5) within group (order by value) as r, dense_rank(24.5) within group (order by value desc), percent_rank(24.5) within group (order by value), cume_dist(24.5) within group (order by value) from readings where sensor = 's1' and value is not null
---
-- hard: buckets of five minutes
select date_bin('2 hours', at, timestamptz '2026-01-01 00:00+00') as bucket, count(*), min(value), max(value), (array_agg(value order by at))[1] as open, (array_agg(value order by at desc))[1] as close from readings where sensor = 's2' group by 1 order by 1 limit 12
---
-- regression over time
select sensor, regr_slope(value, extract(epoch from at)) is not null as has_slope, corr(value, extract(hour from at)) between -1 and 1, regr_count(value, 1), stddev_samp(value)::numeric(10, 4), var_pop(value)::numeric(10, 4) from readings group by sensor order by sensor
---
-- histogram
select width_bucket(value, 20, 32, 6) as bucket, count(*), repeat('#', count(*)::int / 5) as bar from readings where value is not null group by 1 order by 1
---
-- zone of a time
select at at time zone 'Europe/Oslo' as oslo, (at at time zone 'UTC')::date as day, timezone('America/New_York', at) from readings where sensor = 's1' order by at limit 3
---
-- local times of a day that has 23 hours
select timestamp '2026-03-29 01:30' at time zone 'Europe/Berlin' as a, timestamp '2026-03-29 03:30' at time zone 'Europe/Berlin' as b, timestamptz '2026-03-29 00:30+00' at time zone 'Europe/Berlin' + interval '1 hour'
---
-- overlapping periods
select (date '2026-01-01', date '2026-01-31') overlaps (date '2026-01-31', date '2026-02-10'), (date '2026-01-01', interval '40 days') overlaps (date '2026-01-31', date '2026-02-10')
---
-- ages
select name, age(date '2026-06-30', born) as age, extract(year from age(date '2026-06-30', born)) as years, justify_days(interval '400 days') from customers order by id
---
-- parts of a time
select extract(century from t), extract(decade from t), extract(millennium from t), extract(microseconds from t), extract(timezone from t::timestamptz), date_part('epoch', t), extract('julian' from t) from (values (timestamp '2026-05-06 07:08:09.123456')) v(t)
---
-- made of parts
select make_date(2026, 2, 28), make_time(8, 15, 23.5), make_timestamp(2026, 7, 15, 8, 15, 23.5), make_timestamptz(2026, 7, 15, 8, 15, 23.5, 'UTC'), make_interval(days => 10, hours => 4), make_interval(0, 1)
---
-- formats of dates and numbers
select to_char(timestamp '2026-03-04 05:06:07', 'FMDay, DD FMMonth YYYY HH24:MI:SS'), to_char(1234567.891, 'FM9,999,990.00'), to_char(-5, 'S999'), to_char(0.42, '99.9%'), to_date('04.03.2026', 'DD.MM.YYYY'), to_timestamp('2026-03-04 12', 'YYYY-MM-DD HH24'), to_number('1,234.5', '9,999.9'), to_timestamp(0)
---
-- hard: signs before an operand with another sign
select - ~ 5, ~ - 5, ~ ~ 5, - @ -5, @ - 5, 3 - ~ 5, 3 * - ~ 5, - - 5, + - 5, -(~5)
---
-- interval with an alias and no AS
select interval '7 days' d, interval '1 year 2 months' "y m", '3 hours'::interval three
---
-- hard: intervals with an alias that could be a unit
select '3 hours'::interval d, (timestamp '2026-03-02' - timestamp '2026-03-01')::interval h, '90 minutes'::interval "day", interval '1' "hour", interval '2' m, '1 day'::interval s from tree where id = 1
---
-- hard: columns with the names of constructors
select t."array"[1], t.array[2], "array"[2:3], t.list[1], list[2], (t.array)[1], 8 = any (t.array[1:2]), t."row", t."case" from (select array[7, 8, 9] as "array", array['x', 'y'] as list, 1 as "row", 2 as "case") t
---
-- hard: aliases in quotes with the names of clauses
select id "at", label "escape", count(*) over () "filter", id "collate" from tree "tablesample" join (select 1 as one) "natural" on true where id < 3 order by "at"
---
-- intervals with fields
select interval '1' day, interval '2' hour as h, interval '1-2' year to month, interval '1 2:03' day to minute, cast('90 minutes' as interval hour to minute), interval '1.5 weeks'
---
-- arithmetic of intervals
select date '2026-01-31' + interval '1 month', timestamp '2026-03-01' - interval '1 day' * 2, interval '1 hour' / 4, 3 * interval '20 minutes', date '2026-03-01' - date '2026-02-01', time '10:00' + interval '90 minutes', - interval '1 day'
---
-- current things
-- varies
select current_date, current_timestamp, localtime, localtimestamp, now() - interval '1 day', clock_timestamp() > now(), current_time(0), statement_timestamp()
---
-- random values
-- varies
select random() as r, gen_random_uuid() as u, (random() * 10)::int as n from generate_series(1, 3)
---
-- titles of unnamed columns
select count(*), sum(1), 1 + 1, 'x', case when true then 1 end, coalesce(null, 1), nullif(1, 2), greatest(1, 2), exists (select 1), (select 5), array[1], row(1, 2), now() is null, cast(1 as text), 1::int8, date '2026-01-01', extract(year from date '2026-01-01'), trim('  a '), substring('abc' from 2), position('b' in 'abc'), current_date is not null, true and false, upper('a') || 'b'
---
-- titles of unnamed columns with arrays and fields
select (array[1, 2])[1], body -> 'a', (docs.tags)[1], docs.id, "k".v, (select max(id) from docs) from docs, (values (1)) "k" (v) order by docs.id
---
-- names in quotes
select "Ünï" as "Größe ""x""", "select" as "from" from "Mixed Case" as "M C" where "M C"."Ünï" > 0 order by "Größe ""x"""
---
-- keywords as aliases
select id as "order", name as name, city as value, born as date, active as year from customers order by "order"
---
-- keywords as aliases without AS
select id n, name title, born day_of_birth from customers order by n
---
-- a table by its name alone
table tree order by id
---
-- values as a query
values (1, 'one'), (2, 'two'), (3, null) order by 1 desc
---
-- values as a table
select v.n, v.word, v.n * 2 from (values (1, 'one'), (2, 'two')) as v (n, word) where n > 1
---
-- values in a WITH
with v (a, b) as (values (1, 2), (3, 4)) select sum(a), sum(b) from v
---
-- limit all and offset
select id from orders order by id limit all offset 5
---
-- offset with rows, then fetch
select id from orders order by id offset 2 rows fetch next 3 rows only
---
-- with ties
select customer_id, amount from orders order by amount desc fetch first 2 rows with ties
---
-- one row of each group
select distinct on (customer_id) customer_id, id, amount from orders order by customer_id, amount desc nulls last, id
---
-- order by position, expression and nulls
select id, city from customers order by city is null, lower(city) desc nulls last, 1
---
-- order by a sign
select id from orders order by amount using >, id using <
---
-- joins of all kinds
select c.id, o.id, t.label from customers c left join orders o on o.customer_id = c.id right join tree t on t.id = c.id full outer join "Mixed Case" m on m."Ünï" = t.id order by 1, 2, 3
---
-- natural join and using
select * from (select 1 as id, 'a' as x) a natural join (select 1 as id, 'b' as y) b join (select 1 as id, 2 as z) c using (id) cross join (values (9)) v(n)
---
-- join with the joined pair in brackets
select a.id, b.id, c.id from tree a left join (tree b inner join tree c on c.parent = b.id) on b.parent = a.id order by 1, 2, 3
---
-- lateral subquery
select c.name, l.id, l.amount from customers c left join lateral (select o.id, o.amount from orders o where o.customer_id = c.id order by o.amount desc limit 2) l on true order by c.id, l.amount desc
---
-- hard: lateral functions, cross joined
select d.id, t.tag, t.n, e.k from docs d cross join lateral unnest(d.tags) with ordinality as t (tag, n) left join lateral jsonb_object_keys(case jsonb_typeof(d.body) when 'object' then d.body end) as e (k) on true order by 1, 3, 4
---
-- hard: several functions side by side
select * from rows from (generate_series(1, 3), unnest(array['a', 'b']), jsonb_array_elements_text('["x"]')) with ordinality as r (n, letter, j, place)
---
-- several arrays unnested together
select * from unnest(array[1, 2, 3], array['a', 'b'], array[true]) as u (n, s, b)
---
-- functions in the select list
select id, unnest(tags), generate_series(1, 2) from docs where id <> 2 order by 1, 2, 3
---
-- alias of a function is its column
select n, n * n as square from generate_series(1, 5) n where n % 2 = 1 order by n
---
-- function with columns of a record
select * from json_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') as r (a int, b text)
---
-- record of one object
select r.*, r.a + 1 from jsonb_to_record('{"a": 5, "b": [1, 2], "c": {"d": 1}}') as r (a int, b int[], c jsonb, missing date)
---
-- series of dates downwards
select g::date from generate_series(timestamp '2026-03-03', timestamp '2026-03-01', interval '-1 day') as g
---
-- comparison with ANY, SOME and ALL
select id from orders where amount = any (array[10.50, 42]) or id = some (select 3) or amount > all (select amount from orders where status = 'open') order by id
---
-- some with an array
select 3 = some (array[1, 2, 3]), 'a' <> some ('{a,b}'), 5 > all ('{1,2}'::int[]), 'abc' like any (array['a%', 'b%']), 'abc' not ilike all (array['X%', 'y%'])
---
-- row comparison
select (1, 2) < (1, 3), row(1, null) is null, (1, null) is not null, (a, b) = (1, 2), (a, b) in ((1, 2), (3, 4)) from (values (1, 2)) v(a, b)
---
-- rows of a subquery
select id from orders where (customer_id, status) in (select customer_id, 'paid' from orders where id < 4) order by id
---
-- distinct from
select null is distinct from 1, 1 is not distinct from 1, null is not distinct from null, 1 is distinct from 2
---
-- truth
select id, active is true, active is not true, active is unknown, not active, active isnull, active notnull from customers order by id
---
-- between, symmetric too
select 5 between 1 and 10, 5 not between 6 and 10, 5 between symmetric 10 and 1
---
-- null handling in conditions
select coalesce(city, 'nowhere'), nullif(city, 'Oslo'), case when city is null then 0 when city ~* '^o' then 1 else 2 end, case lower(city) when 'oslo' then 'o' when 'cork' then 'c' end from customers order by id
---
-- in a list, not in a list
select id from customers where city in ('Oslo', 'Cork') or id not in (1, 2, 3, 4) order by id
---
-- hard: full outer join of two sums
select coalesce(a.k, b.k) as k, a.n, b.n from (select customer_id k, count(*) n from orders group by 1) a full join (select id k, count(*) n from customers group by 1) b on a.k = b.k order by 1 nulls first
---
-- union, intersect, except
select 1 as n union select 2 union all select 2 intersect select 2 except select 3 order by n
---
-- sets in brackets
(select id from customers order by id limit 2) union all (select id from orders order by id desc limit 2) order by 1
---
-- group by expressions and position
select date_trunc('month', placed) as month, status, count(*) from orders group by date_trunc('month', placed), 2 order by 1 nulls first, 2
---
-- group by distinct sets
select customer_id, status, count(*) from orders group by cube (customer_id, status) order by 1 nulls first, 2 nulls first, 3
---
-- hard: sets mixed with plain keys
select customer_id, status, date_trunc('month', placed) m, sum(amount), grouping(customer_id, status) g from orders group by customer_id, grouping sets ((status), (status, date_trunc('month', placed)), ()) order by 1 nulls first, 2 nulls first, 3 nulls first, g
---
-- having with an aggregate that isn't selected
select status from orders group by status having count(*) > 1 and max(amount) < 100 order by 1
---
-- aggregates with order, distinct and filter
select string_agg(distinct status, '/' order by status desc), array_agg(id order by amount desc, id) filter (where amount > 10), count(distinct customer_id), sum(distinct amount), bool_and(amount > 0), every(id > 0), bit_or(id) from orders
---
-- aggregates into JSON
select json_agg(o.amount order by o.id), jsonb_agg(distinct status), json_object_agg(o.id, o.status order by o.id), jsonb_object_agg(o.id, o.amount) from orders o where id < 4
---
-- rows into JSON
select to_jsonb(t), row_to_json(t), json_build_object('id', t.id, 'label', t.label), jsonb_build_array(t.id, t.label, null) from tree t order by t.id
---
-- hard: nested JSON of orders by customer
select jsonb_pretty(jsonb_agg(jsonb_build_object('name', c.name, 'orders', (select coalesce(jsonb_agg(jsonb_build_object('id', o.id, 'amount', o.amount) order by o.id), '[]') from orders o where o.customer_id = c.id)) order by c.id)) from customers c
---
-- paths into JSON
select body -> 'a' -> 'b' -> 0, body #> '{a,b,2,c}', body #>> '{a,b,2,c}', body ->> '0', body -> 'k.e', raw -> 't', raw ->> 't', raw #>> array['a', 'b', '1'], body -> -1 from docs order by id
---
-- JSON contains
select id, body @> '{"q''s": true}', body ? 'a', body ?| array['x', 'list'], body ?& array['a', '0'], '{"a": 1}'::jsonb <@ body from docs order by id
---
-- JSON changed
select jsonb_set('{"a": {"b": 1}}', '{a,b}', '2'), '{"a": 1, "b": 2}'::jsonb - 'a', '[1, 2, 3]'::jsonb - 1, '{"a": {"b": 1}}'::jsonb #- '{a,b}', '{"a": 1}'::jsonb || '{"b": 2}', jsonb_insert('[1, 3]', '{1}', '2'), jsonb_strip_nulls('{"a": null, "b": 1}'), '{"a":1,"b":2}'::jsonb - array['a', 'b']
---
-- JSON paths
select jsonb_path_query_array(body, '$.order.lines[*] ? (@.qty > 1).sku'), jsonb_path_exists(body, '$.a.b'), body @? '$.list[*] ? (@ == "p")', body @@ '$.order.paid == true', jsonb_path_query_first(body, '$.**.c') from docs order by id
---
-- hard: lines of orders out of JSON
select d.id, l ->> 'sku' as sku, (l ->> 'qty')::int * (l ->> 'price')::numeric as total, (d.body #>> '{order,at}')::date from docs d, jsonb_array_elements(d.body -> 'order' -> 'lines') with ordinality as x (l, n) order by n
---
-- hard: JSON path with variables
select jsonb_path_query(body, '$.order.lines[*] ? (@.price >= $min && @.price <= $max)', '{"min": 5, "max": 50}') from docs where body ? 'order'
---
-- each key and value
select d.id, e.key, e.value from docs d, jsonb_each_text(d.body) as e where d.id = 2 order by key
---
-- JSON types
select jsonb_typeof(body), jsonb_array_length(case jsonb_typeof(body) when 'array' then body end), json_typeof(raw), (body -> 'k.e')::int, body ->> 'q''s' = 'true' from docs order by id
---
-- JSON compared
select body ->> '0' = 'zero', body ->> '0' in ('zero', 'one'), body ->> '0' like 'z%', (body ->> 'k.e')::int > 4, lower(body ->> '0'), body -> 'a' is null, coalesce(body ->> 'missing', 'none') from docs where id = 1
---
-- hard: a tree out of JSON by recursion
with recursive walk (path, value) as (
  select '$', body from docs where id = 1
  union all select w.path || '.' || k.key, k.value from walk w, lateral (select e.key, e.value from jsonb_each(case jsonb_typeof(w.value) when 'object' then w.value else '{}' end) e union all select '[' || (a.n - 1) || ']', a.v from jsonb_array_elements(case jsonb_typeof(w.value) when 'array' then w.value else '[]' end) with ordinality a (v, n)) k)
select path, value from walk where jsonb_typeof(value) not in ('object', 'array') order by path
---
-- arrays by literal, constructor and query
select array[1, 2, 3], '{a,b}'::text[], array(select id from customers order by id), array[[1, 2], [3, 4]], array[]::int[], array_fill(0, array[2, 2]), '[2:3]={5,6}'::int[]
---
-- parts of arrays
select cells[1][2], cells[1:2][2:3], cells[2:], cells[:1], weights[1], array_length(cells, 1), array_length(cells, 2), cardinality(cells), array_dims(cells), array_lower(cells, 1), array_upper(cells, 2) from grid order by id
---
-- functions of arrays
select array_append(array[1], 2), array_prepend(0, array[1]), array_cat(array[1], array[2]), array_remove(array[1, 2, 1], 1), array_replace(array[1, 2], 2, 3), array_position(array['a', 'b'], 'b'), array_positions(array[1, 2, 1], 1), array_to_string(array[1, null, 3], ',', '*'), string_to_array('a,b,,c', ',', ''), trim_array(array[1, 2, 3], 2)
---
-- operators of arrays
select array[1, 2] || 3, 0 || array[1], array[1] || array[2], array[1, 2] @> array[1], array[1] <@ array[1, 2], array[1, 2] && array[2, 3], array[1, 2] = array[1, 2], array[1, 2] < array[1, 3]
---
-- elements of a nested array in order
select i, j, cells[i][j] from grid, generate_subscripts(cells, 1) i, generate_subscripts(cells, 2) j where id = 1 order by i, j
---
-- hard: set operations on arrays
select array(select unnest(tags) intersect select unnest(array['red', 'blue']) order by 1), (select array_agg(distinct t order by t) from unnest(tags) t), (select count(*) from unnest(tags) as t (x) where x like 'r%') from docs order by id
---
-- hard: sliding pairs of an array
select a.n, a.v, b.v - a.v as step from unnest(array[3, 5, 4, 9]) with ordinality a (v, n) join unnest(array[3, 5, 4, 9]) with ordinality b (v, n) on b.n = a.n + 1 order by 1
---
-- text functions
select upper(name), lower(name), initcap(name), length(name), char_length(name), octet_length(name), reverse(name), left(name, 2), right(name, 2), lpad(name, 6, '*'), rpad(name, 6), repeat('ab', 2), replace(name, 'a', 'o'), translate(name, 'ae', 'eo'), strpos(name, 'a'), split_part('a-b-c', '-', 2), concat(name, null, 1), concat_ws(', ', name, city), ascii(name), chr(65), md5(name), starts_with(name, 'A'), quote_literal(name), format('%s|%I|%L', name, 'a b', 'x') from customers order by id
---
-- functions with words between their arguments
select overlay('abcdef' placing 'xx' from 2 for 3), overlay('abcdef' placing 'x' from 2), position('c' in 'abc'), substring('abcdef' from 2 for 3), substring('abcdef' for 2), substring('abcdef' from '.(..)'), substring('abcdef' from 'a#"%#"f' for '#'), substring('abcdef' similar 'a#"%#"f' escape '#'), extract(month from date '2026-05-06'), 'a' collate "C" < 'B'
---
-- trimming in all ways
select trim('  a '), trim(both from '  a '), trim(leading 'x' from 'xxax'), trim(trailing 'x' from 'xxax'), trim(both 'xy' from 'xyayx'), trim('x' from 'xax'), trim(from ' b '), ltrim('  a'), rtrim('axx', 'x'), btrim('xax', 'x'), trim(trailing from 'a  ')
---
-- titles of trimming
select trim(leading 'x' from city), trim(both from name), ltrim(name), substring(name from 1 for 2), overlay(name placing 'x' from 1), position('a' in name), extract(day from born), normalize(name) from customers order by id
---
-- patterns
select name like 'A%', name ilike 'a_a', name not like '%\_%', name like '%!%%' escape '!', name similar to '(A|B)%', name not similar to '%x%', name ~ '^A', name ~* 'A$', name !~ 'z', name !~* 'Z', name ^@ 'A', name ~~ 'A%', name !~~ 'A%' from customers order by id
---
-- order of text as bytes
select 'a' ~<~ 'B', 'a' ~>=~ 'B', 'b' ~<=~ 'a', 'b' ~>~ 'a'
---
-- regular expressions
select regexp_replace('foobar', 'o+', '0', 'g'), regexp_match('foobarbaz', '(bar)(ba.)'), regexp_split_to_array('a1b22c', '\d+'), regexp_count('banana', 'a'), regexp_instr('banana', 'n'), regexp_substr('banana', 'n.'), regexp_like('abc', '^a'), (regexp_match('k=v', '(\w)=(\w)'))[2]
---
-- rows of a regular expression
select m[1] as word, n from regexp_matches('one two three', '(\w+)', 'g') with ordinality as x (m, n)
---
-- words of a text
select word, count(*) from regexp_split_to_table('the cat and the dog and the fox', '\s+') as word group by word order by 2 desc, 1
---
-- strings in many spellings
select 'it''s', E'tab\tnew\nline \x41 \u00e9', $$dollar 'quoted'$$, $q$with $$ inside$q$, U&'d\0061t\+000061', U&'d!0061t!+000061' uescape '!', 'first '
  'second', B'1010', X'1F', x'ff', '\ no escape', ''
---
-- names in Unicode escapes
select U&"\006eame" as U&"n\00e4me" from customers order by id
---
-- bits
select B'1010' | B'0110', B'1010' & B'0110', B'1010' # B'0110', ~B'1010', B'1010' << 1, B'1010' >> 1, X'A5' || B'1', length(B'101'), get_bit(B'100', 0), set_bit(B'000', 1, 1), flags::text, position(B'01' in flags), 5::bit(4), B'101'::int, bit_count(flags) from hosts where id = 1
---
-- bytes
select note, encode(note, 'hex'), length(note), '\x0102'::bytea || '\x03', get_byte(note, 0), substring(note from 2 for 2), decode('3q2+7w==', 'base64'), sha256('a'), md5('x'::bytea), convert_from('\x61', 'UTF8'), trim('\x00'::bytea from '\x0061'::bytea) from hosts where id = 1
---
-- numbers
select 1.5e3, .5, 5., 1e-2, 10 / 3, 10.0 / 3, 10 % 3, -7 / 2, mod(-7, 3), 2 ^ 10, 2 ^ 0.5, abs(-3), @ -3, |/ 16, ||/ 27, round(2.5), round(2.567, 2), trunc(-2.5), ceil(1.1), floor(-1.1), sign(-4), power(2, 3), sqrt(2.0), exp(0), ln(1), log(100), log(2, 8), pi(), degrees(pi()), gcd(12, 18), lcm(4, 6), factorial(5), div(7, 2), width_bucket(5, 0, 10, 5), scale(1.20), min_scale(1.20), trim_scale(1.20)
---
-- signs before operands
select - 1, + 1, - - 1, @ - 5.5, 2 * @ -3, - |/ 4, 3 - @ -2, |/ |/ 16.0, not @ -1 > 2, ~ 5, array[@ -1, |/ 9], (@ -7)::int
---
-- operators of integers
select 5 & 3, 5 | 3, 5 # 3, ~5, 1 << 4, 256 >> 2, 7 % 4, 2 ^ 3 ^ 2, -2 ^ 2
---
-- operators with their schema
select 1 operator(pg_catalog.+) 2, 2 operator(pg_catalog.*) 3 + 1, operator(pg_catalog.-) 5, 'a' operator(pg_catalog.||) 'b', 3 operator(pg_catalog.=) any (array[1, 3]), 1 operator(+) 2 * 3
---
-- special numbers
select 'NaN'::float8, 'infinity'::numeric, '-infinity'::timestamp, 'NaN'::numeric = 'NaN', 1e308 * 10 > 0 from (values (1)) v(n) where false
---
-- casts by every spelling
select cast('5' as integer), '5'::int8, int8 '5', int4(5.5), numeric '1.20', cast(1.239 as numeric(5, 2)), '2026-01-01'::date, date '2026-01-01', timestamp '2026-01-01 10:00', timestamp with time zone '2026-01-01 10:00+02', time '10:00', time with time zone '10:00+01', text 'x', 'x'::char(3), 'abc'::varchar(2), 'abcdef'::name, 't'::bool, bool 'no', '1'::double precision, real '1.5', float8 '2.5', '12.50'::money, uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', interval '1 day', json '{"a":1}', jsonb '[1]', bytea '\x01'
---
-- casts to the types of the database
select 'a & b'::tsquery, 'a b'::tsvector, '$.a'::jsonpath, '[1,5)'::int4range, '{[1,2),[4,5)}'::int4multirange, '<a/>'::xml, '10.0.0.0/8'::cidr, '10.0.0.1'::inet, '08:00:2b:01:02:03'::macaddr, '08:00:2b:01:02:03:04:05'::macaddr8, '(1,2)'::point, '(1,1),(0,0)'::box, '[(0,0),(1,1)]'::lseg, '<(0,0),1>'::circle, '((0,0),(1,0),(1,1))'::polygon, '[(0,0),(1,1)]'::path, '{1,2,3}'::line, 5::oid, 'pg_class'::regclass, 'int4'::regtype, 'english'::regconfig, '16/B374D848'::pg_lsn, '101'::varbit(5), 'x'::"char", 'ab'::bpchar
---
-- types before a literal
select tsquery 'a | b', jsonpath '$[*]', point '(1,2)', box '((1,1),(0,0))', xml '<b/>', oid '7', regclass 'pg_type', int4range '[1,2]', tstzrange '[2026-01-01,2026-01-02)', macaddr '08:00:2b:01:02:03', inet '::1', cidr '10.0.0.0/8'
---
-- arrays of the types
select '{a,b}'::tsquery[], array['(1,2)'::point], '{10.0.0.1}'::inet[], array['1'::xml], cast('{1,2}' as int[]), '{{1,2},{3,4}}'::int[][], array[1, 2]::text[], '{"(1,2)"}'::point[], '{1}'::_int4
---
-- a table of every type made and read
create table every_type (a tsvector, b tsquery, c jsonpath, d int4range, e int4multirange, f xml, g cidr, h macaddr, i point, j oid, k regclass, l bit varying, m interval, n timestamptz(3), o numeric(10, 2)[], p "char", q money)
---
-- functions named as types
select date('2026-01-01'), text(5), float8('1.5'), point(1, 2), box(point(0, 0), point(1, 1)), date(timestamp '2026-01-01 10:00'), int4range(1, 5, '[]'), name('x'), bool('t'), tsquery('a'), int8(5.5)
---
-- ranges
select int4range(1, 5) @> 3, '[1,5)'::int4range && '[4,9)', int4range(1, 5) + int4range(5, 9), int4range(1, 9) * int4range(5, 20), int4range(1, 9) - int4range(5, 20), int4range(1, 3) << int4range(5, 6), int4range(1, 3) -|- int4range(3, 6), int4range(1, 3) &< int4range(2, 6), int4range(5, 6) &> int4range(1, 2), lower(numrange(1.1, 2.2)), upper(daterange('2026-01-01', null)), upper_inf(daterange('2026-01-01', null)), isempty('empty'::int4range), lower_inc('(1,2)'::numrange), range_merge('[1,2)'::int4range, '[5,6)')
---
-- hard: bookings that clash
select a.id, b.id, a.during * b.during as clash from bookings a join bookings b on a.id < b.id and a.room = b.room and a.during && b.during
---
-- hard: free time between bookings
select room, unnest(tsmultirange(tsrange('2026-01-01', '2026-01-03')) - range_agg(during)) as free from bookings group by room order by 1, 2
---
-- multiranges
select '{[1,3),[7,9)}'::int4multirange @> 8, int4multirange(int4range(1, 3), int4range(5, 7)) + '{[2,6)}', range_agg(guests order by id) from bookings
---
-- addresses
select ip, host(ip), family(ip), masklen(ip), netmask(ip), network(ip), broadcast(ip), abbrev(net), ip << net, ip <<= net, net >>= ip, net >> ip, net && ip, ip + 5, ip - inet '10.0.0.0' < 0, set_masklen(ip, 16), inet_merge(ip, '192.168.1.1'), mac, trunc(mac), ~mac from hosts where family(ip) = 4 order by id
---
-- money
select price, price * 2, price + '1.00'::money, price > 10::money, price::numeric from hosts order by id
---
-- hard: geometry
select spot, spot <-> point '(0,0)', area @> spot, ring && circle '<(2,2),1>', outline ~= outline, line ?# lseg '[(0,2),(2,0)]', ?- lseg '[(0,0),(1,0)]', ?| lseg '[(0,0),(0,1)]', @-@ line, @@ area, # outline, spot <<| point '(9,9)', spot |>> point '(0,0)', area &<| box '(9,9),(8,8)', ring |&> circle '<(0,0),1>', spot <^ point '(1,9)', spot >^ point '(1,0)', point '(1,0)' ## line, line ?|| lseg '[(0,0),(1,1)]', area # box '(1,1),(0,0)' from shapes order by id
---
-- geometry by functions
select area(area), center(ring), diameter(ring), height(area), width(area), npoints(outline), isclosed(path(outline)), radius(ring), slope(point '(0,0)', point '(1,1)'), spot + point '(1,1)', spot * point '(2,0)', box(ring), polygon(area), (line)::text from shapes order by id
---
-- full text
select id, ts_rank(search, q) > 0 as ranked, ts_headline('english', body, q) from articles, to_tsquery('english', 'cat & (jump | sleep)') q where search @@ q order by id
---
-- full text without a column
select id from articles where to_tsvector('english', title || ' ' || body) @@ plainto_tsquery('english', 'quick fox') order by id
---
-- full text by a word of the web
select id, websearch_to_tsquery('english', '"lazy dog" or box -hund') as q, search @@ websearch_to_tsquery('english', '"lazy dog" or box') from articles order by id
---
-- hard: full text with weights, prefix and phrase
select id, search @@ 'fox:A'::tsquery, search @@ to_tsquery('english', 'databas:*'), search @@ phraseto_tsquery('english', 'brown fox'), search @@ (to_tsquery('cat') <-> to_tsquery('sleep')), search @@@ to_tsquery('dog'), !! to_tsquery('cat'), to_tsquery('a1') && to_tsquery('b1'), to_tsquery('a1') || to_tsquery('b1') from articles order by id
---
-- parts of a search vector
select strip(search), length(search), numnode('a & b'::tsquery), querytree('a & !b'::tsquery), tsvector_to_array(search), ts_delete(search, 'fox'), ts_rank_cd(search, to_tsquery('cat')), setweight(search, 'B', '{fox}'), ts_filter(search, '{a}'), 'a'::tsquery @> 'a'::tsquery from articles where id = 1
---
-- lexemes with positions
select l.lexeme, l.positions, l.weights from articles a, unnest(a.search) l where a.id = 1 order by 1
---
-- search of JSON
select to_tsvector('english', body), jsonb_to_tsvector('english', body, '["string"]') from docs order by id
---
-- XML made
select xmlelement(name customer, xmlattributes(id, name as "n"), xmlelement(name city, city), 'text'), xmlforest(id, city as "c"), xmlcomment('hi'), xmlconcat('<a/>', '<b/>'), xmlpi(name php, 'echo 1'), xmlparse(document '<r/>'), xmlparse(content 'x<y/>'), xmlserialize(content '<a/>'::xml as text), xmlroot('<a/>'::xml, version '1.0', standalone yes) from customers order by id
---
-- XML asked
select xpath('/rows/row/@id', content), xpath_exists('//name', content), xmlexists('//row[@id="2"]' passing by value content), content is document, xml_is_well_formed('<a>'), (xpath('//name/text()', content))[1]::text from pages order by id
---
-- XML gathered
select xmlagg(xmlelement(name c, name) order by id) from customers
---
-- hard: rows out of XML
select p.id, x.* from pages p, xmltable('/rows/row' passing p.content columns id int path '@id', n for ordinality, name text path 'name' not null, size numeric(5, 2) path 'size' default 0, whole xml path '.') as x order by 1, 3
---
-- hard: XML with namespaces
select x.v from xmltable(xmlnamespaces('http://example.org/a' as a), '/a:r/a:v' passing ('<r xmlns="http://example.org/a"><v>1</v><v>2</v></r>'::xml) columns v int path '.') as x
---
-- hard: shortest ways with a search in depth
with recursive g (f, t, path, cost) as (select f, t, array[f, t], cost from edges where f = 1 union all select g.f, e.t, path || e.t, g.cost + e.cost from g join edges e on e.f = g.t where e.t <> all (path))
select t, min(cost), min(path) from g group by t order by t
---
-- hard: a cycle found
with recursive walk (f, t) as (select f, t from edges where f = 1 union all select e.f, e.t from walk w join edges e on e.f = w.t) cycle f, t set is_cycle using path select f, t, is_cycle from walk order by path
---
-- hard: a cycle with marks of its own
with recursive walk as (select f, t from edges where f = 1 union all select e.f, e.t from walk w join edges e on e.f = w.t) cycle t set looped to 'Y' default 'N' using way select f, t, looped from walk order by 1, 2, 3
---
-- hard: search depth first
with recursive down (id, parent, label) as (select id, parent, label from tree where parent is null union all select t.id, t.parent, t.label from tree t join down d on t.parent = d.id) search depth first by id set ordering select id, label from down order by ordering
---
-- hard: search breadth first
with recursive down as (select * from tree where parent is null union all select t.* from tree t join down d on t.parent = d.id) search breadth first by label, id set seq select label from down order by seq
---
-- hard: search and cycle together
with recursive w (f, t) as (select f, t from edges where f = 1 union all select e.f, e.t from w join edges e on e.f = w.t) search depth first by f, t set seq cycle f, t set c using p select f, t, c from w order by seq
---
-- numbers by recursion
with recursive n (i) as (values (1) union all select i + 1 from n where i < 10) select sum(i), max(i) from n
---
-- fibonacci
with recursive f (a, b) as (select 0, 1 union all select b, a + b from f where b < 100) select array_agg(a order by a) from f
---
-- hard: mandelbrot, small
with recursive x (i) as (values (0) union all select i + 1 from x where i < 20), z (ix, iy, cx, cy, x, y, i) as (
  select ix, iy, x::float, y::float, x::float, y::float, 0 from (select -2.2 + 0.15 * i, i from x) xgen (x, ix) cross join (select -1.5 + 0.15 * i, i from x) ygen (y, iy)
  union all select ix, iy, cx, cy, x * x - y * y + cx as x, y * x * 2 + cy, i + 1 from z where x * x + y * y < 16.0 and i < 9)
select iy, string_agg(substring(' .,,,-----++++%%%%@@@@####', greatest(1, i), 1), '' order by ix) from (select ix, iy, max(i) as i from z group by iy, ix) zt group by iy order by iy
---
-- materialized or not
with a as materialized (select id from orders), b as not materialized (select id from a where id > 3) select count(*) from b
---
-- a WITH inside a subquery
select (with x as (select max(amount) m from orders) select m from x), (select count(*) from (with y as (select 1) select * from y) q)
---
-- a WITH that shadows a table
with orders as (select 1 as id) select * from orders
---
-- several windows
select id, amount, rank() over w, dense_rank() over w, percent_rank() over w, cume_dist() over w, ntile(3) over w, row_number() over (w rows unbounded preceding), lag(amount, 1, 0.0) over w, lead(amount) over w, first_value(id) over w, last_value(id) over (w range between unbounded preceding and unbounded following), nth_value(id, 2) over w from orders window w as (order by amount desc) order by amount desc, id
---
-- a window of a window
select id, sum(amount) over w2 from orders window w1 as (partition by status), w2 as (w1 order by id rows between 1 preceding and 1 following) order by id
---
-- share of the total
select id, amount, round(100 * amount / sum(amount) over (), 1) as share, sum(amount) over (order by id) / sum(amount) over () < 0.5 as first_half from orders order by id
---
-- aggregates of aggregates in a window
select status, sum(amount), sum(sum(amount)) over (order by status), max(count(*)) over () from orders group by status order by status
---
-- filter in a window
select id, count(*) filter (where status = 'paid') over (order by id) as paid_so_far from orders order by id
---
-- window of distinct rows
select distinct status, count(*) over (partition by status) from orders order by 1
---
-- first and last of a group
select customer_id, (array_agg(id order by placed))[1] as first, (array_agg(id order by placed desc))[1] as last from orders where customer_id is not null group by customer_id order by 1
---
-- hard: median and the rows around it
select id, amount from (select id, amount, row_number() over (order by amount) r, count(*) over () c from orders) x where r in ((c + 1) / 2, (c + 2) / 2) order by amount
---
-- hard: top of the running maximum
select id, amount, max(amount) over (order by id rows between unbounded preceding and 1 preceding) as before, amount > coalesce(max(amount) over (order by id rows between unbounded preceding and 1 preceding), 0) as record from orders order by id
---
-- hard: open and closed periods by events
select at, sum(d) over (order by at, d) as open from (select hired as at, 1 as d from hr_employee union all select fired + 1, -1 from hr_employee where fired is not null) e order by at
---
-- hard: employees on each first of a year
select y::date, count(e.id), sum(e.salary) from generate_series(date '2016-01-01', date '2025-01-01', '1 year') y left join hr_employee e on y between e.hired and coalesce(e.fired, 'infinity'::date) group by y order by y
---
-- hard: invoices allocated to payments, first in first out
with d as (select id, debit, sum(debit) over (order by date, id) as upto from account_move_line where account_id = 2 and debit > 0), p as (select 500.00 as paid)
select id, debit, greatest(least(debit, paid - (upto - debit)), 0) as covered from d, p order by upto limit 12
---
-- hard: pareto of customers
select partner_id, total, round(sum(total) over (order by total desc, partner_id) / sum(total) over (), 4) as cumulated, case when sum(total) over (order by total desc, partner_id) <= 0.8 * sum(total) over () then 'A' else 'B' end as class from (select partner_id, sum(amount_total) as total from sale_order group by partner_id) t order by total desc, partner_id limit 15
---
-- hard: crosstab of states by seller
select user_id, count(*) filter (where state = 'draft') as draft, count(*) filter (where state = 'sale') as sale, count(*) filter (where state = 'cancel') as cancel, count(*) as total from sale_order group by rollup (user_id) order by user_id nulls last
---
-- hard: orders against the same month of last year
select m.month, m.total, p.total as before from (select date_trunc('month', date_order) as month, sum(amount_total) total from sale_order group by 1) m left join (select date_trunc('month', date_order) as month, sum(amount_total) total from sale_order group by 1) p on p.month = m.month - interval '1 year' order by 1
---
-- hard: pairs bought together
select a.product_id, b.product_id, count(*) from sale_order_line a join sale_order_line b on a.order_id = b.order_id and a.product_id < b.product_id group by 1, 2 having count(*) >= 2 order by 3 desc, 1, 2 limit 10
---
-- hard: lots of subqueries in the select list
select p.id, (select count(*) from sale_order o where o.partner_id = p.id) orders, (select max(o.date_order) from sale_order o where o.partner_id = p.id and o.state <> 'cancel') last, exists (select from account_move_line l where l.partner_id = p.id and l.debit > 900) rich, array(select o.name from sale_order o where o.partner_id = p.id order by o.id) names from res_partner p where p.id < 6 order by p.id
---
-- hard: duplicates with the row to keep
select id, sku, keep from (select id, order_id || '/' || product_id as sku, id = min(id) over (partition by order_id, product_id) as keep, count(*) over (partition by order_id, product_id) n from sale_order_line) x where n > 1 order by sku, id limit 10
---
-- properties as columns
select p.name, p.properties ->> 'tier' as tier, p.properties -> 'tags' ->> 0 as tag, jsonb_array_length(p.properties -> 'tags') from res_partner p where (p.properties ->> 'tier')::int = 1 order by p.id
---
-- count by a JSON key
select properties ->> 'tier' as tier, count(*), avg(credit_limit)::numeric(12, 2) from res_partner group by properties ->> 'tier' order by 1
---
-- update with a join
update stock s set qty = s.qty + d.qty, price = coalesce(d.price, s.price), updated = date '2026-04-01' from deliveries d where d.sku = s.sku returning s.sku, s.qty, s.price
---
-- update of several columns by a row
update stock set (qty, price) = (select d.qty, d.price from deliveries d where d.sku = stock.sku) where sku = 'A1' returning *
---
-- update with default and case
update stock set updated = default, qty = case when qty = 0 then 1 else qty end where price is not null returning sku, qty, updated
---
-- insert or update
insert into stock as s (sku, qty, price) select sku, qty, price from deliveries where qty > 0 on conflict (sku) do update set qty = s.qty + excluded.qty, price = excluded.price where s.qty < 100 returning sku, qty, price
---
-- insert or nothing
insert into stock (sku, qty) values ('A1', 1), ('Z9', 2) on conflict do nothing returning sku
---
-- insert or update by constraint
insert into stock values ('B2', 1, 2, null) on conflict on constraint stock_pkey do update set qty = excluded.qty
---
-- insert of defaults
insert into product_product (id, default_code, active) values (100, 'X', default), (101, 'Y', false) returning id, active
---
-- insert from a WITH
with fresh as (select 'N' || n as sku, n from generate_series(1, 3) n) insert into stock (sku, qty) select sku, n from fresh returning sku, qty * 2 as twice
---
-- delete with a join
delete from stock s using deliveries d where d.sku = s.sku and d.qty < 0 returning s.*
---
-- delete by a subquery
delete from orders where customer_id in (select id from customers where city is null) or amount < 1
---
-- merge
merge into stock s using deliveries d on d.sku = s.sku when matched and d.qty < 0 then delete when matched then update set qty = s.qty + d.qty, price = coalesce(d.price, s.price) when not matched then insert (sku, qty, price) values (d.sku, d.qty, d.price)
---
-- merge that does nothing for some
merge into stock as s using (select sku, sum(qty) as qty from deliveries group by sku) as d on s.sku = d.sku when matched and d.qty > 100 then update set qty = d.qty when matched then do nothing when not matched and d.qty > 0 then insert values (d.sku, d.qty, null, date '2026-01-01')
---
-- a table made of a query
create table copied as select id, name, city from customers where active
---
-- a temporary copy without rows
create table if not exists empty_copy as select * from orders with no data
---
-- a table with constraints
create table ledger (id bigint generated always as identity primary key, account_id int not null references account_account (id) on delete cascade, amount numeric(16, 2) not null default 0 check (amount >= 0), note text, made timestamptz default now(), net numeric generated always as (amount * 0.8) stored, unique (account_id, note))
---
-- a view
create or replace view paid_orders as select id, amount from orders where status = 'paid'
---
-- an index
create unique index stock_by_price on stock (price desc nulls last, lower(sku)) where qty > 0
---
-- a column more
alter table stock add column place text default 'shelf'
---
-- a column less, and another name
alter table stock drop column updated, add column checked boolean not null default false
---
-- emptied
truncate table deliveries, edges
---
-- dropped
drop table if exists deliveries, not_there
---
-- planned
explain (costs off) select * from customers where id = 1
---
-- planned and run
-- varies
explain (analyze, timing off, format json) select count(*) from orders
---
-- a write planned
explain (costs off) update stock set qty = 0 where sku = 'A1'
---
-- sample of rows
-- varies
select count(*) from sale_order_line tablesample bernoulli (50) repeatable (7)
---
-- sample of all blocks
select count(*) from sale_order_line tablesample system (100)
---
-- only the table itself
select count(*) from only orders
---
-- collations
select name collate "C", name collate "POSIX" < 'b', min(name collate "C") over () from customers order by name collate "C" desc
---
-- dates by text
select 'epoch'::timestamp, date 'infinity' > date '2026-01-01', isfinite(date '2026-01-01'), '2026-W01'::text, '20260102'::date, 'Jan 5, 2026'::date, '04:05 PM'::time, 'allballs'::time, timestamptz '2026-01-01 12:00 Europe/Paris'
---
-- truncated to units
select date_trunc('decade', t), date_trunc('week', t), date_trunc('minute', t), date_trunc('milliseconds', t), date_trunc('day', t at time zone 'UTC', 'Asia/Tokyo') from (values (timestamp '2026-05-06 07:08:09.123456')) v (t)
---
-- UUIDs
select 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, uuid 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' < 'b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
---
-- catalog of tables
select table_name, column_name, data_type from information_schema.columns where table_name = 'tree' order by ordinal_position
---
-- catalog by names
select c.relname, n.nspname, c.relkind, a.attname from pg_catalog.pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid where c.oid = 'tree'::regclass and a.attnum > 0 order by a.attnum
---
-- keys of a table
select tc.constraint_name, tc.constraint_type, kcu.column_name from information_schema.table_constraints tc left join information_schema.key_column_usage kcu using (constraint_schema, constraint_name) where tc.table_name = 'stock' and tc.constraint_type = 'PRIMARY KEY'
---
-- comments everywhere
select /* a */ id -- the id
  , /* nested /* comment */ here */ label from tree -- end
order by id /* last */
---
-- empty select list
select from tree where id = 1
---
-- exists with nothing selected
select id from customers c where exists (select from orders o where o.customer_id = c.id) order by id
---
-- star with others
select t.*, t.id * 2 as twice, count(*) over () from tree as t order by id
---
-- alias with columns
select a, b from tree as t (a, b, c) where c <> 'root' order by a
---
-- schema before the table
select public.customers.name, customers.id from public.customers order by customers.id
---
-- a column of a whole row
select t, (t).id is null, t is not null, count(t) over () from tree t order by t.id
---
-- rows compared as a whole
select a.id from tree a join tree b on a = b where row(a.*) is distinct from row(b.id + 1, b.parent, b.label) order by a.id
---
-- hard: a record compared by its fields
select a.* from tree a where (a.id, a.label) > (select id, label from tree where id = 2) order by a.id
---
-- conditions joined by many words
select id from orders where not (status = 'void' or amount < 1) and (customer_id is null or customer_id in (1, 3)) and placed is not null and placed between '2026-01-01' and '2026-03-15' order by id
---
-- casts within expressions
select (amount * 100)::int / 2, amount::text || ' EUR', id::float / 3, placed::date - 1, placed::time, to_char(placed, 'HH24') :: int + 1, (placed + '1 day')::date::text from orders where id = 2
---
-- bool as number
select active::int, sum(active::int) over (), count(*) filter (where active) over () from customers order by id
---
-- conversions of text and bytes
select convert_to('é', 'LATIN1'), to_hex(255), encode('abc', 'base64'), unistr('\0441\043B'), normalize(U&'\0061\0308'), normalize(U&'\00e4', nfd), 'a' is normalized, parse_ident('"a b".c'), quote_ident('a b')
---
-- hard: text split into a table of words and lengths
select w.n, w.word, length(w.word) as len, sum(length(w.word)) over (order by w.n) from articles a, lateral string_to_table(a.body, ' ') with ordinality as w (word, n) where a.id = 1 order by w.n
---
-- hard: number of each letter
select letter, count(*) from articles, regexp_split_to_table(lower(title), '') letter where letter ~ '[a-z]' group by letter having count(*) > 2 order by 2 desc, 1
---
-- sizes
select pg_column_size(1), pg_size_pretty(123456789::bigint), pg_size_bytes('1 kB'), pg_typeof(1.5), num_nulls(1, null), num_nonnulls(1, null)
---
-- hard: an enumeration by text
select status, array_position(array['open', 'paid', 'void'], status) as place from orders order by array_position(array['open', 'paid', 'void'], status), id
---
-- hard: a spreadsheet of products by weekday
select p.default_code, sum(l.qty) filter (where extract(isodow from o.date_order) = 1) mon, sum(l.qty) filter (where extract(isodow from o.date_order) in (6, 7)) weekend, sum(l.qty) total from sale_order_line l join sale_order o on o.id = l.order_id join product_product p on p.id = l.product_id group by p.default_code order by p.default_code limit 5
---
-- hard: price of a day from a history
select d.day, s.price from (values (date '2026-01-05'), (date '2026-02-15')) d (day) left join lateral (select o.amount as price from orders o where o.placed::date <= d.day order by o.placed desc limit 1) s on true order by 1
---
-- hard: quantities spread over months
select m::date, round(sum(a.total / (a.months + 1)), 2) from (select amount_total as total, date_order, 2 as months from sale_order where id < 10) a, generate_series(date_trunc('month', a.date_order), date_trunc('month', a.date_order) + make_interval(months => a.months), '1 month') m group by m order by m
---
-- hard: a matrix transposed
select array_agg(v order by i) from (select i, j, cells[i][j] as v from grid, generate_subscripts(cells, 1) i, generate_subscripts(cells, 2) j where id = 1) x group by j order by j
---
-- hard: a polynomial by fold
select sum(w * power(2, n - 1)) from grid g, unnest(g.weights) with ordinality as u (w, n) where g.id = 1
---
-- hard: levenshtein-like distance by letters
select a.name, b.name, (select count(*) from generate_series(1, greatest(length(a.name), length(b.name))) i where substr(a.name, i, 1) is distinct from substr(b.name, i, 1)) as differs from customers a join customers b on a.id < b.id order by 3, 1, 2 limit 5
---
-- hard: percent of each status by month
select to_char(placed, 'YYYY-MM') as month, status, count(*) as n, round(100.0 * count(*) / sum(count(*)) over (partition by to_char(placed, 'YYYY-MM')), 1) as percent from orders where placed is not null group by 1, 2 order by 1, 2
---
-- hard: first difference of consecutive rows by condition
select * from (select id, status, lag(status) over (order by id) as before, sum(case when status is distinct from lag then 1 else 0 end) over (order by id) as run from (select id, status, lag(status) over (order by id) from orders) x) y order by id
---
-- hard: bitemporal view of a day
select e.name, e.salary from hr_employee e where daterange(e.hired, e.fired, '[]') @> date '2024-01-01' order by e.id
---
-- hard: the n-th working day
select d::date from (select d, row_number() over (order by d) n from generate_series(date '2026-05-01', date '2026-05-31', '1 day') d where extract(isodow from d) < 6 and d::date <> all (array[date '2026-05-01', date '2026-05-14'])) w where n = 5
---
-- hard: easter by arithmetic
select y, make_date(y, ((h - m + r + 19) / 1)::int / 31 * 0 + 4, 5) is not null from (select y, y % 19 * 11 % 30 as h, 0 as m, y % 4 as r from generate_series(2024, 2027) y) x order by y
---
-- hard: tags counted over JSON and arrays together
select tag, count(*) from (select unnest(tags) as tag from docs union all select jsonb_array_elements_text(properties -> 'tags') from res_partner) t group by tag order by 2 desc, 1
---
-- hard: updates from a ranked query
update sale_order_line l set sequence = r.n from (select id, row_number() over (partition by order_id order by price_unit desc, id) as n from sale_order_line) r where r.id = l.id and l.order_id < 3 returning l.order_id, l.id, l.sequence
---
-- hard: upsert of an aggregate
insert into stock (sku, qty, price) select 'SKU' || product_id, sum(qty)::int, avg(price_unit) from sale_order_line where product_id < 4 group by product_id on conflict (sku) do update set (qty, price) = (excluded.qty, excluded.price) returning sku, qty
---
-- hard: delete all but the newest
delete from attendance a where exists (select 1 from attendance b where b.employee_id = a.employee_id and b.check_in > a.check_in) returning employee_id, check_in::date
---
-- is JSON of a text
select id from docs where body is not null and raw is not null order by id
---
-- hard: several levels of brackets and operators
select ((((1 + 2) * 3 - 4) / 5.0)::numeric(10, 3) ^ 2 + @ (-1)) * - (2 - 3), (select ((select max(id) from tree) + (select min(id) from tree)) * 2)
---
-- hard: everything of a week in one statement
with week as (select d::date as day from generate_series(date '2026-03-02', date '2026-03-08', '1 day') d), hours as (select employee_id, check_in::date as day, sum(check_out - check_in) as worked from attendance group by 1, 2)
select e.name, jsonb_object_agg(to_char(w.day, 'Dy'), coalesce(extract(epoch from h.worked) / 3600, 0)::numeric(4, 2) order by w.day) as days, coalesce(sum(h.worked), interval '0') as total, count(h.day) || '/' || count(*) filter (where extract(isodow from w.day) < 6) as present
from hr_employee e cross join week w left join hours h on h.employee_id = e.id and h.day = w.day group by e.id, e.name order by e.id
---
-- an array of a query with order
select array(select label from tree order by id desc) as labels, (select array_agg(label order by label) from tree)
---
-- a condition on a whole group
select customer_id from orders group by customer_id having bool_and(status = 'paid') order by 1
---
-- nested case
select id, case when amount > 100 then 'big' when amount > 10 then case status when 'paid' then 'middle paid' else 'middle' end end as size from orders order by id
---
-- alias used in order by, an expression of it not
select id, amount * 2 as twice from orders order by twice desc nulls last, id limit 3
---
-- join on inequality
select a.id, b.id from orders a join orders b on a.amount < b.amount and a.customer_id = b.customer_id order by 1, 2
---
-- anti join by null
select c.id from customers c left join orders o on o.customer_id = c.id where o.id is null order by c.id
---
-- a cross product by comma with conditions
select c.name, t.label from customers c, tree t where c.id = t.id and t.parent is not null order by c.id
---
-- a total row by union
select status, sum(amount) from orders group by status union all select 'all', sum(amount) from orders order by 2, 1
---
-- numbers in words of a list
select id, ('{one,two,three}'::text[])[id] as word from tree order by id
---
-- count of rows by several conditions
select count(*) filter (where amount < 10) small, count(*) filter (where amount between 10 and 99.99) middle, count(*) - count(amount) missing from orders
---
-- sizes of arrays in a type
select array[1, 2]::int[2], '{{1,2},{3,4}}'::numeric(5, 2)[2][2], (array[1, 2]::int[])[2], cast('{a,b}' as text[5]), '{1,2}'::jsonb[1]
---
-- intervals with digits
select interval(2) '1.234 seconds', '1.2345'::interval(3), interval '1.234' second(2), interval '1 2:03:04.5678' day to second(2), cast('1:02:03.456' as interval(1)) as c, '5.55'::interval second(1) as s
---
-- normal forms
select U&'\0061\0308' is nfc normalized, U&'\00e4' is not nfd normalized, 'a' is normalized
---
-- scalar functions in FROM
select d, upper, n.n from upper('x'), date_trunc('month', timestamp '2026-05-06') as d, length('abc') as n
---
-- a plus before an operand
select +1, + 2.5, 3 - +1, +(id), abs(+id) from tree order by +id limit +2
---
-- arrays of types that look things up
select '{pg_class,pg_type}'::regclass[], array[23, 25]::oid[], '{int4}'::regtype[], cast('{5}' as oid[])
---
-- a cast of a typed literal
select date '2026-01-01'::text, timestamp '2026-01-01 10:00'::date, int '4'::numeric / 3, timestamp with time zone '2026-01-01 10:00+02'::text, numeric(5, 2) '1.239'::text, time '10:00'::interval
---
-- powers of ten without spaces
select 1e3+1e3, 1e3-1, 1.5e3-2e-3, 2e3*2e3, 1e3+id from tree order by id
---
-- signs that bind tighter than the word
select ('a' ~~ 'a') || 'b', 'ab' ~ 'a' || 'b', 'ab' !~ 'x' is true, 'x' !~~ 'y' = true
---
-- a name for the columns that a join shares
select x.*, x.id, l.qty, row_to_json(x.*) from sale_order_line l join product_product as p using (id) as x where x.id < 5 order by x.id
---
-- hard: two joins with names, one of them quoted
select a.id, "B".categ_id, count(*) from product_product p1 join sale_order_line l using (id) as a join (select 2 as categ_id union all select 3) c using (categ_id) as "B" group by a.id, "B".categ_id order by 1, 2
---
-- elements of an array in an INSERT
insert into parcels (id, sizes[1], sizes[2]) values (1, 10, 20), (2, 30, 40) returning *
---
-- slices and fields in an INSERT
insert into parcels as p (id, sizes[1:2], dim.width, dim.height, dim."Öffnungen"[1], dims[1].width, dims[2]."Öffnungen"[2:3]) values (1, '{5,6}', 7, 8, 'top', 9, '{a,b}') returning p.*, (dim).width
---
-- elements of an array in an INSERT of a query
insert into parcels (sizes[0], sizes[-1], "note") select id, id * 2, name from customers returning sizes, note
---
-- hard: MERGE of a join
merge into stock s using deliveries d join (select sku, max(updated) as newest from stock group by sku) m using (sku) on d.sku = s.sku when matched and d.qty < 0 then delete when matched then update set qty = s.qty + d.qty, updated = m.newest
---
-- hard: MERGE of an outer join with a condition that has words of its own
merge into stock as s using (select 'A1' as sku) a left join deliveries d on case when a.sku = d.sku then true else false end on s.sku = coalesce(a.sku, d.sku) and s.qty between 0 and 9 when matched then do nothing when not matched then insert (sku, qty) values (a.sku, 1)
---
-- MERGE that inserts defaults
merge into parcels p using (select 1 as id) s on p.id = s.id when not matched then insert default values
---
-- MERGE that inserts parts of columns
merge into parcels p using (select 1 as id, 5 as n) s on p.id = s.id when not matched then insert (id, sizes[1], dim.width) values (s.id, s.n, s.n + 1)
---
-- collations of expressions
select collation for ('a'::text), collation for (name), collation for ((select name from customers limit 1)) as c, pg_collation_for(name collate "C") from customers order by id limit 1
---
-- a sample of a computed size
select count(*) from sale_order_line tablesample bernoulli (50 + 50), tree tablesample system (('100'::text)::int) repeatable (1)
---
-- hard: a sample whose size is a column
select v.pct, s.n from (values (0), (100)) v(pct), lateral (select count(*) as n from tree tablesample bernoulli (v.pct)) s order by 1
---
-- signs in BETWEEN
select id, id between @ -2 and |/ 9, id not between - 1 and @ 3, id between symmetric 3 and @ 1, not id between asymmetric 1 and @ 2 and true, case when id between 1 and @ 2 then 'low' else 'high' end from tree where id between @ 1 and 4 and parent is not null or id between case when id between 0 and 1 then 0 else @ 9 end and 10 order by id
---
-- ESCAPE with more than a string
select 'a_c'::bytea like 'a$__'::bytea escape '$'::bytea, name not like 'A!%' escape lower('!'), name ilike 'a|_a' escape '|' || '', not name similar to 'A#%' escape trim(' # ') and true, 'x' like 'x' escape null from customers order by id
---
-- VALUES behind WITH
with c (n) as (select 42) values ((select n from c), 'x'), (1, null) order by 1
---
-- VALUES behind WITH, inside
select (with c (n) as (values (t.id)) values ((select n + 1 from c))), (select array_agg(column1 order by 1) from (with recursive d as (select 1) values (1), (2)) v) from tree t order by 1
---
-- columns of a table with their types, from the catalog
select a.attname, format_type(a.atttypid, a.atttypmod) as type, a.attnotnull from pg_attribute a
where a.attrelid = 'lineitem'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
---
-- a function of the warehouse's own, in a select list
-- allows etl.fx_rate
select o_orderkey, round(o_totalprice * etl.fx_rate('USD', o_orderdate), 2) as in_usd from orders_h order by 1 limit 20
---
-- the same in a filter, a grouping and an order
-- allows etl.month_of
select etl.month_of(o_orderdate) as month, count(*) as orders from orders_h
where etl.month_of(o_orderdate, 1) > date '1993-01-01' group by etl.month_of(o_orderdate) having count(*) > 0 order by etl.month_of(o_orderdate)
---
-- a function of the warehouse's own that returns a table
-- allows etl.days
select d.day, d.is_weekend, count(o_orderkey) as orders from etl.days(date '1996-01-01', date '1996-01-31') as d
left join orders_h on o_orderdate = d.day group by d.day, d.is_weekend order by d.day
---
-- the same, lateral, with ordinality
-- allows etl.days
select o_orderkey, d.day, d.n from (select * from orders_h order by o_orderkey limit 3) o
cross join lateral etl.days(o_orderdate, o_orderdate + 2) with ordinality as d(day, is_weekend, n) order by 1, 3
---
-- an aggregate of the warehouse's own, filtered and over a window
-- allows etl.last_text
select etl.last_text(c_name order by c_custkey) filter (where c_custkey < 10) as last,
    (select etl.last_text(n_name) over (order by n_nationkey) from nation order by n_nationkey limit 1) as first from customer
---
-- named notation and a quoted name
-- allows etl.month_of
select "etl"."month_of"(day => date '2024-05-17', months => -2) as month, ETL.Month_Of(date '2024-05-17') as this_month
---
-- an insert that computes with a function of the warehouse's own
-- allows etl.fx_rate
insert into etl.run_log select 'rate ' || o_orderkey, round(etl.fx_rate('USD', o_orderdate) * 1000)::bigint from orders_h
---
-- a procedure
-- allows etl.log_step
call etl.log_step('load orders', 42)
---
-- a procedure with named arguments, a default, and a trailing semicolon
-- allows etl.log_step
CALL "etl".log_step(step => 'a; b -- not a comment');
---
-- a procedure that answers
-- allows etl.count_steps
call etl.count_steps(10)
---
-- refreshing a materialized view
refresh materialized view etl.order_totals
---
-- refreshing it while others read
REFRESH MATERIALIZED VIEW CONCURRENTLY etl.order_totals
---
-- refreshing one with spaces in its name
refresh materialized view "Monthly totals" with data;
---
-- statistics after a load
analyze orders_h
---
-- statistics of some columns of several tables
ANALYZE VERBOSE orders_h (o_orderdate, "o_custkey"), etl.run_log
