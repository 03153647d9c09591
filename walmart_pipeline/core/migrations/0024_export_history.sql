-- Who exported: an account of the machine; null in rows from before.

alter table delivery.exports add column exported_by varchar;
