-- The product of each usable row, and the products to rebuild.

-- By id; else by a GTIN, else by brand and name, that only one product has.
create or replace temp table identified_rows as
with usable as (
    select
        source_file,
        source_row,
        ordinal,
        cleaning_key,
        product_id,
        gtin,
        name_key
    from catalog.clean_rows
    join catalog.feeds using (source_file)
    where reasons is null
),
by_gtin as (
    select gtin, min(product_id) as product_id
    from usable
    where product_id <> '' and gtin is not null
    group by gtin
    having count(distinct product_id) = 1
),
with_gtin as (
    select
        usable.* exclude (product_id),
        case
            when usable.product_id <> '' then usable.product_id
            when usable.gtin is not null then coalesce(by_gtin.product_id, 'gtin-' || usable.gtin)
        end as product_id
    from usable
    left join by_gtin using (gtin)
),
by_name as (
    select name_key, min(product_id) as product_id
    from with_gtin
    where product_id is not null
    group by name_key
    having count(distinct product_id) = 1
)
select
    source_file,
    source_row,
    ordinal,
    cleaning_key,
    coalesce(with_gtin.product_id, by_name.product_id, 'name-' || name_key) as product_id
from with_gtin
left join by_name using (name_key);

-- A merge depends on the order of a product's loads, not on their numbers.
create or replace temp table new_product_rows as
with counted as (
    select product_id, count(*) as row_count
    from identified_rows
    group by product_id
),
ranked as (
    select *, dense_rank() over (partition by product_id order by ordinal) as load
    from identified_rows
    semi join (from counted where row_count > 1) using (product_id)
)
select product_id, false as repeated, md5(concat_ws(':', source_row, cleaning_key, source_file)) as fingerprint
from identified_rows
semi join (from counted where row_count = 1) using (product_id)
union all
select
    product_id,
    true as repeated,
    md5(
        string_agg(
            concat_ws(':', load, source_row, cleaning_key, source_file),
            '
'
            order by load, source_file, source_row
        )
    ) as fingerprint
from ranked
group by product_id;

-- Repeated products in buckets of a thousand.
create or replace temp table affected as
select
    product_id,
    case when repeated then row_number() over (partition by repeated order by product_id) // 1000 end as bucket
from new_product_rows
anti join catalog.product_rows using (product_id, fingerprint);

create or replace temp table withdrawn as
select product_id from catalog.products anti join new_product_rows using (product_id);
