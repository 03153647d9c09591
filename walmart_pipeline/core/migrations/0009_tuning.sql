-- How a tier asks best, as far as its study found out; the study's trials are in studies.db in the home.

create table models.tuned (
    tier varchar,
    provider varchar,
    base_model varchar,
    base_digest varchar,
    dataset_version varchar,
    parameters json,            -- what replaces the tier's own; equal to it where nothing was found to be better
    shots integer,              -- few-shot examples
    score double,               -- mean of the validation sample with these
    baseline_score double,      -- and with the tier's own
    study varchar,
    tuned_at timestamptz
);
