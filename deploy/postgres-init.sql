-- Beside the database `dagster`, which the image of Postgres makes.
create database ledger;
