-- Which models of our own there are, and which one writes.

create table models.versions (
    name varchar,               -- walmart-gpt-basic:1.2.0
    tier varchar,
    major integer,
    minor integer,
    patch integer,
    status varchar,             -- candidate | champion | retired
    provider varchar,
    base_model varchar,
    recipe json,                -- llm/recipes.py
    fingerprint varchar,        -- of the recipe
    dataset_version varchar,
    prompt_version varchar,
    policy varchar,
    modelfile varchar,          -- path; null for a recipe that each request carries
    created_at timestamptz,
    note varchar                -- why it was promoted or retired
);

-- Every change of the champion, the latest last; what rollback goes back by.
create table models.promotions (
    number bigint,
    move varchar,               -- promotion | rollback
    provider varchar,
    champion varchar,           -- null: no model of ours, the provider's own model writes
    previous varchar,
    decided_by varchar,         -- evaluation | a person, by the command line
    reason varchar,
    promoted_at timestamptz
);
