-- Who wrote how well about the same held-out products, and what was decided of it.

-- One row for each contender and product, also where nothing came of it: that counts as 0.
create table evaluation.contest (
    contest bigint,
    provider varchar,
    dataset_version varchar,
    held_at timestamptz,
    contender varchar,          -- a version's name, the base model, composer, source
    kind varchar,               -- base | champion | candidate | composer | source
    product_id varchar,
    product_name varchar,
    category varchar[],
    family varchar,             -- texts of one family are no independent evidence
    status varchar,             -- complete | declined | failed (the contender's own fault) | lost (not its fault)
    reason varchar,             -- why there is no text
    title varchar,
    key_features varchar[],
    description varchar,
    seo_keywords varchar[],
    policy varchar,
    score double,
    band varchar,
    publishable boolean,
    compliance double,
    grounding double,
    coverage double,
    readability double,
    search double,
    uniqueness double,          -- among the contender's own texts
    violations struct(rule varchar, severity varchar, field varchar, evidence varchar, message varchar)[],
    seconds double,
    prompt_tokens bigint,
    completion_tokens bigint,
    cost_usd double
);

create table evaluation.decisions (
    contest bigint,
    candidate varchar,
    reference varchar,          -- the champion, or the base model where there was none
    difference double,          -- candidate less reference, mean in points
    low double,
    high double,
    level double,               -- confidence of the interval from low to high
    verdict varchar,            -- promoted | refused
    reasons varchar[],          -- why it was refused
    decided_at timestamptz
);
