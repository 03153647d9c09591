-- The dataset version in force is marked: content that was seen before brings its earlier version back.
alter table training.dataset_versions add column in_force boolean;
update training.dataset_versions set in_force = number = (select max(number) from training.dataset_versions);

alter table training.split rename column side to split;
alter table training.dataset rename column side to split;
alter table training.left_out rename to excluded;
alter table training.dataset_versions rename column left_out to excluded;

-- Near-copies are kept from night to night; a text is known by what its copies word for word share.
alter table training.examples add column content_key varchar;       -- of input and output
delete from training.inputs;
delete from training.outputs;
alter table training.inputs add column sketch_key ubigint;
alter table training.inputs add column compared boolean;            -- null: not yet
alter table training.outputs add column sketch_key ubigint;
alter table training.outputs add column compared boolean;
create table training.near_copies (
    corpus varchar,             -- input | output
    one ubigint,                -- sketch keys, the lesser first
    other ubigint,
    similarity double           -- Jaccard index of their shingles
);
