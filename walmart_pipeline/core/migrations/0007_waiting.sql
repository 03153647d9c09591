-- Products of the plan that nobody writes now: a batch at the provider is going to answer.

create table content.waiting (
    product_id varchar,
    facts_hash varchar,
    revision integer,
    batch varchar               -- the provider's id
);
