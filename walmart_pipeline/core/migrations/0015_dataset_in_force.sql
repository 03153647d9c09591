-- The dataset version in force is marked: content that was seen before brings its earlier version back.
alter table training.dataset_versions add column in_force boolean;
update training.dataset_versions set in_force = number = (select max(number) from training.dataset_versions);

alter table training.split rename column side to split;
alter table training.dataset rename column side to split;
alter table training.left_out rename to excluded;
alter table training.dataset_versions rename column left_out to excluded;
