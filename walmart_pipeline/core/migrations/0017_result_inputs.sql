-- What a report of a held-out product was made from, so that it is made once.

alter table evaluation.results add column inputs_hash varchar;
