-- One schema a stage, one table an asset, plus the tables in which an asset keeps what it learned on the way.
-- No keys are declared: DuckLake has none, and upserts in one transaction keep the tables unique.

create schema catalog;
create schema content;
create schema quality;
create schema training;
create schema models;
create schema evaluation;
create schema delivery;

-- Every file that was ever offered, by its name. A newer file of the same name replaces its rows.
create table catalog.feeds (
    source_file varchar,
    path varchar,
    digest varchar,             -- of the file and of the mapping beside it
    mapping json,
    status varchar,             -- read | empty | unreadable
    detail varchar,             -- format, encoding, delimiter; or why it could not be read
    row_count bigint,
    unmapped varchar[],         -- columns that no field or attribute takes
    ordinal bigint,             -- order of reading: of prices, ratings and reviews the newest stands
    read_at timestamptz
);

create table catalog.raw_products (
    source_file varchar,
    source_row bigint,          -- 1 is the first row of data
    raw varchar,                -- the row as JSON; as it stood in the file where it could not be read
    problem varchar             -- why it could not be read
);

create table catalog.products (
    product_id varchar,
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
    source_file varchar,
    source_row bigint,
    facts_hash varchar,
    notes varchar[],            -- what cleaning dropped, and why
    updated_at timestamptz
);

create table catalog.rejects (
    source_file varchar,
    source_row bigint,
    raw varchar,
    reasons varchar[]
);

-- One row for each row of a feed that was folded into another row's product.
create table catalog.merges (
    product_id varchar,
    source_file varchar,
    source_row bigint,
    identity varchar,           -- product_id | gtin | brand and name
    fields_taken varchar[]      -- in which its value was the fuller or the newer one
);

create table content.generation_plan (
    product_id varchar,
    facts_hash varchar,
    reason varchar,
    provider varchar,
    model varchar,
    prompt_version varchar
);

create table content.generated_content (
    product_id varchar,
    facts_hash varchar,
    provider varchar,
    model varchar,
    prompt_version varchar,
    request_hash varchar,
    status varchar,             -- complete | declined | failed
    error varchar,
    title varchar,
    key_features varchar[],
    description varchar,
    seo_keywords varchar[],
    content_hash varchar,
    seconds double,
    cost_usd double,
    generated_at timestamptz
);

create table quality.scores (
    product_id varchar,
    content_hash varchar,
    facts_hash varchar,
    policy varchar,
    score double,
    band varchar,
    publishable boolean,
    compliance double,
    grounding double,
    coverage double,
    readability double,
    search double,
    uniqueness double,
    violations struct(rule varchar, severity varchar, field varchar, evidence varchar, message varchar)[],
    scored_at timestamptz
);

create table quality.listings (
    product_id varchar,
    title varchar,
    key_features varchar[],
    description varchar,
    seo_keywords varchar[],
    content_hash varchar,
    score double,
    band varchar,
    policy varchar,
    provider varchar,
    model varchar,
    accepted_at timestamptz
);

create table quality.review_queue (
    product_id varchar,
    status varchar,             -- needs_review | failed
    reasons varchar[],
    score double,
    content_hash varchar,
    queued_at timestamptz
);

create table training.examples (
    product_id varchar,
    content_hash varchar,
    facts_hash varchar,
    category varchar,
    quality_score double,
    example json                -- a TrainingExample
);

-- Every product of the catalog, also those without an accepted text: evaluation must not choose by success.
create table training.split (
    product_id varchar,
    family varchar,
    side varchar                -- train | validation | test
);

-- The examples of the latest version; files keep the earlier ones.
create table training.dataset (
    version varchar,
    product_id varchar,
    family varchar,
    side varchar,
    category varchar,
    quality_score double,
    example json
);

create table training.dataset_versions (
    number bigint,
    fingerprint varchar,
    parent bigint,
    counts json,                -- examples by side
    mean_quality double,
    thresholds json,
    policy varchar,
    folder varchar,
    created_at timestamptz
);

create table models.modelfiles (
    tier varchar,
    dataset_version varchar,
    built boolean,
    missing bigint,             -- examples that the tier still needs
    examples bigint,            -- few-shot pairs in it
    base_model varchar,
    path varchar,
    sha256 varchar,
    written_at timestamptz
);

create table evaluation.results (
    product_id varchar,
    text varchar,               -- generated | source
    policy varchar,
    score double,
    band varchar,
    publishable boolean,
    compliance double,
    grounding double,
    coverage double,
    readability double,
    search double,
    uniqueness double,
    violations struct(rule varchar, severity varchar, field varchar, evidence varchar, message varchar)[]
);

create table delivery.exports (
    exported_at timestamptz,
    format varchar,
    path varchar,
    row_count bigint,
    bytes bigint,
    sha256 varchar,
    run_id varchar
);
