-- Which version is at which Ollama, and how far: written after each step, so that the next run goes on from there.

create table models.registrations (
    name varchar,               -- walmart-gpt-basic:1.2.0
    endpoint varchar,           -- without a password
    state varchar,              -- waiting | uploaded | created | compared | registered | refused
    digest varchar,             -- of the model's manifest at that Ollama
    problem varchar,            -- what is in the way, and what to do
    smoke_score double,         -- of the first listing that it wrote, 0 to 100
    updated_at timestamptz
);
