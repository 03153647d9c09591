-- Where examples come from beside accepted texts, which are near-copies, and what a version of the dataset leaves out.

-- One row for each text that a reviewer wrote in place of another one.
create table content.edits (
    product_id varchar,
    content_hash varchar,       -- of the reviewer's text
    facts_hash varchar,
    reviewer varchar,
    comment varchar,
    replaced json,              -- the Listing that stood there; null where there was none
    replaced_content_hash varchar,
    replaced_provider varchar,
    replaced_model varchar,
    edited_at timestamptz
);

-- One row for each row of an imported training_data.json.
create table training.imports (
    source_file varchar,
    source_row bigint,          -- 1 is the first example
    digest varchar,             -- of the file
    product_id varchar,         -- import-…, by input and output
    verdict varchar,            -- accepted | refused
    reasons varchar[],          -- why it was refused
    flaws struct(kind varchar, detail varchar)[],
    score double,               -- null: it could not be judged
    policy varchar,             -- under which it was judged
    facts_hash varchar,
    product json,               -- the Product that its input makes
    example json,               -- as read; null where it is none
    imported_at timestamptz
);

alter table training.examples add column source varchar;            -- accepted | edit | import
alter table training.examples add column user_rating double;        -- stars

-- What near-copies are found by, quality/uniqueness.py: of what is known of each product, and of each example's text.
create table training.inputs (
    product_id varchar,
    facts_hash varchar,
    family varchar,
    bands ubigint[],
    bits ubigint[]
);
create table training.outputs (
    product_id varchar,
    content_hash varchar,
    bands ubigint[],
    bits ubigint[]
);

-- Families and near-copies that hang together; rows of products that have gone are kept, for their sides.
alter table training.split add column component varchar;

-- Of the examples as they are now, those that the dataset has no place for.
create table training.left_out (
    product_id varchar,
    reason varchar,
    instead_of varchar          -- the example that is in the dataset in its place
);

alter table training.dataset add column component varchar;
alter table training.dataset add column source varchar;
alter table training.dataset add column user_rating double;
alter table training.dataset_versions add column left_out json;     -- examples by reason
alter table training.dataset_versions add column sources json;      -- examples by source
