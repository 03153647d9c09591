-- Texts of models: which answer was asked for, what stands in for one that could not be used, and ratings.

alter table content.generation_plan add column revision integer;
alter table content.generated_content add column revision integer;
alter table content.generated_content add column parser_version varchar;
alter table content.generated_content add column fallback varchar;     -- why the composer's text stands in for the model's

-- One row: what carrying the plan out comes to at most.
create table content.plan_estimates (
    calls bigint,
    prompt_tokens bigint,
    completion_tokens bigint,
    cost_usd double
);

create table quality.ratings (
    product_id varchar,
    content_hash varchar,       -- of the text that was rated
    stars integer,              -- 1: unusable … 5: publish as it is
    reviewer varchar,
    rated_at timestamptz,
    comment varchar
);
