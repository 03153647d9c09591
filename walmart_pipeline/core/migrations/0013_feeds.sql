-- Feeds of one source replace each other; an offered version that can't be used leaves the last good one in force;
-- rows are cleaned once.

alter table catalog.feeds add column source varchar;         -- feeds of one source replace each other
alter table catalog.feeds add column loaded_digest varchar;  -- of the version whose rows are in force
alter table catalog.feeds add column cleaned varchar;        -- fingerprint under which its rows were cleaned

update catalog.feeds
set
    source = regexp_replace(
        source_file,
        '(^|[^0-9])(?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?:[T_-]?\d{4}(?:\d\d)?Z?)?([^0-9]|$)',
        '\1*\2'
    ),
    loaded_digest = case when status = 'read' then digest end;

-- Each row of the feeds in force as cleaning left it: usable, or with the reasons why it is not.
create table catalog.clean_rows (
    source_file varchar,
    source_row bigint,
    cleaning_key varchar,       -- of the raw row, its mapping and the code: the same key gives the same clean row
    product_id varchar,         -- the feed's own; empty where it has none
    product_name varchar,
    brand varchar,
    category varchar[],
    attributes map(varchar, varchar),
    features varchar[],
    description varchar,
    price double,
    gtin varchar,
    rating double,
    review_count bigint,
    facts_hash varchar,
    notes varchar[],
    name_key varchar,
    identity varchar,
    unmapped varchar[],         -- columns of this row that no field or attribute takes
    reasons varchar[]           -- null: the row is usable
);

-- The rows that each product was made from, as one hash: a product is made anew when it changes.
create table catalog.product_rows (
    product_id varchar,
    fingerprint varchar
);
