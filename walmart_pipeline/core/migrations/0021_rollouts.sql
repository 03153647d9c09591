-- How far a new champion's rewriting of existing texts has come. Promotions from before have no row: their texts are
-- written, or are all rewritten by the next run.

create table content.rollouts (
    promotion bigint,           -- number in models.promotions
    provider varchar,
    model varchar,              -- as in content.generated_content
    phase varchar,              -- canary | full | stopped
    texts bigint,               -- of the canary
    difference double,          -- mean score, new less old text
    low double,
    high double,
    publishable_before bigint,
    publishable_after bigint,
    reason varchar,
    started_at timestamptz,
    decided_at timestamptz
);

-- The texts that the canary replaces, as they were judged.
create table content.canary_texts (
    promotion bigint,
    product_id varchar,
    content_hash varchar,
    score double,
    publishable boolean
);
