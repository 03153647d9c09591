-- A product's options (values of its variants) and conflicts (what its record contradicts itself on) apart from its facts.
-- Rows that exist have neither until the next run cleans them again.

alter table catalog.products add column options map(varchar, varchar[]) default map {};
alter table catalog.products add column conflicts map(varchar, varchar[]) default map {};
alter table catalog.clean_rows add column options map(varchar, varchar[]) default map {};
alter table catalog.clean_rows add column conflicts map(varchar, varchar[]) default map {};
