-- Insights: what the models did, what was used, and what is worth knowing. Days are in UTC.

create schema insights;

-- The calls of the ledger without their texts, within the retention; `category` is the product's broadest one.
create table insights.model_calls (
    call_id bigint,             -- in the ledger
    provider varchar,
    model varchar,
    category varchar,           -- none: the product has none, or has gone
    purpose varchar,            -- listing | repair | trial | rating | fact check
    status varchar,             -- complete | final | failed
    error_class varchar,
    prompt_tokens bigint,
    completion_tokens bigint,
    cost_usd double,
    seconds_queued double,
    seconds_served double,      -- 0: by a batch
    called_at timestamptz
);

-- Answers that were taken from the ledger instead of being paid for again.
create table insights.cache_hits (
    hit_id bigint,
    provider varchar,
    model varchar,
    category varchar,
    purpose varchar,
    tokens bigint,
    cost_usd double,            -- what the answer had cost
    found_at timestamptz
);

-- One row a day, provider, model, category and purpose. Days that have passed stay as they were.
create table insights.performance (
    day date,
    provider varchar,
    model varchar,
    category varchar,
    purpose varchar,            -- listing (with repairs) | trial | rating | fact check
    calls bigint,
    error_count bigint,
    errors map(varchar, bigint),-- by class
    success_rate double,        -- 0 to 1, of the calls
    response_time double,       -- median seconds of an answer
    response_time_p90 double,
    response_time_p95 double,
    response_time_p99 double,
    prompt_tokens bigint,
    completion_tokens bigint,
    cost_usd double,
    cache_hits bigint,
    saved_usd double,
    repairs bigint,
    repair_rate double,         -- 0 to 1, of the answers that were no repair
    texts bigint,               -- listings that were stored
    stand_ins bigint,           -- of them by the template writer in place of the model
    stand_in_rate double,       -- 0 to 1
    ratings bigint,             -- by reviewers, on that day
    user_satisfaction double    -- their mean stars, 1 to 5
);

-- One row a day, feature, person or model, and detail.
create table insights.usage (
    day date,
    feature varchar,
    actor varchar,              -- a person, a model, or empty
    detail varchar,
    count bigint,
    unit varchar                -- what is counted
);

-- What is worth knowing now, the most serious first; empty where nothing is.
create table insights.insights (
    finding varchar,            -- kind and subject: the same from night to night
    kind varchar,
    severity varchar,           -- warning | note
    subject varchar,
    sentence varchar,
    value double,
    expected double,            -- what it was compared with
    cases bigint,
    since timestamptz,          -- when it began, where that is known
    first_found_at timestamptz,
    found_at timestamptz
);
