-- Fine-tuning jobs at OpenAI, from before one is begun to the model that came of it.

create table models.fine_tunes (
    label varchar,              -- ours: written on the job, known before its id
    base_model varchar,
    tier varchar,               -- of the version that it becomes
    dataset_version varchar,
    prompt_version varchar,
    policy varchar,             -- under which the examples were judged
    system varchar,             -- the instructions of the training file
    epochs integer,
    estimated_tokens bigint,    -- of all epochs, at most
    estimated_usd double,
    usd_per_million double,     -- the training's price when it was begun
    announced_at timestamptz,
    job_id varchar,             -- null until it is known that OpenAI has it
    state varchar,              -- announced | as OpenAI names it | refused | withdrawn | forgotten
    reason varchar,             -- why there is no model
    trained_tokens bigint,      -- billed, by OpenAI's count
    cost_usd double,
    model varchar,              -- ft:…
    version varchar,            -- in models.versions
    ended_at timestamptz
);
