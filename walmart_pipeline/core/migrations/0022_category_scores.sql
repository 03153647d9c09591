-- Mean scores by category, beside quality.score_history: one row for each category in each run that changed the scores.

create table quality.category_history (
    run_id varchar,
    policy varchar,
    category varchar,           -- the broadest one
    texts bigint,
    mean double,
    recorded_at timestamptz
);
