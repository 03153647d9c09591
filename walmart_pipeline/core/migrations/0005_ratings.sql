-- Ratings: the texts that they are about, what a model says of them, what is learned, and how the scores run over time.

-- A rejected text is written anew: without its own copy, only the liked ones would be left to learn from.
create table quality.rated_texts (
    product_id varchar,
    content_hash varchar,
    product json,               -- the Product, as it was when the rating came
    listing json,               -- the Listing that was rated
    kept_at timestamptz
);

-- What a model says where it is asked to judge; shown beside the rules, never used for publishing.
create table quality.model_ratings (
    product_id varchar,
    content_hash varchar,
    provider varchar,
    model varchar,
    prompt_version varchar,
    stars integer,              -- 1 to 5; null: the model gave no rating and would give none again
    reason varchar,
    error varchar,
    cost_usd double,
    rated_at timestamptz
);

-- One row for each run that changed the scores: means and quantiles over all texts under one policy.
create table quality.score_history (
    run_id varchar,
    policy varchar,
    judged bigint,              -- texts that this run judged
    texts bigint,
    mean double,
    p10 double,
    p50 double,
    p90 double,
    publishable double,         -- per cent of the texts
    compliance double,
    grounding double,
    coverage double,
    readability double,
    search double,
    uniqueness double,
    recorded_at timestamptz
);

-- One row for each time that a model was trained to foretell ratings, kept or not.
create table training.rating_model (
    version bigint,
    fingerprint varchar,        -- of ratings, policy and features
    policy varchar,
    ratings bigint,
    texts bigint,
    products bigint,
    kept boolean,
    verdict varchar,            -- why it was kept, or why not
    metrics json,
    model json,                 -- coefficients; null where too little was rated
    created_at timestamptz
);

create table training.predicted_ratings (
    product_id varchar,
    content_hash varchar,
    facts_hash varchar,
    stars double,
    model_version bigint
);
