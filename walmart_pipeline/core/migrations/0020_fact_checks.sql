-- What a model says of the statements that the judge is not sure of; empty unless WALMART_FACT_CHECK names a model.

create table quality.fact_checks (
    product_id varchar,
    content_hash varchar,
    facts_hash varchar,         -- of the record that the statement was compared with
    field varchar,
    statement varchar,
    probability double,         -- that it is false, by the judge
    verdict varchar,            -- supported | contradicted | unsupported | not_about_the_product; null: no usable answer
    passage varchar,            -- of the record, quoted by the model
    provider varchar,
    model varchar,
    prompt_version varchar,
    error varchar,
    cost_usd double,
    checked_at timestamptz
);
