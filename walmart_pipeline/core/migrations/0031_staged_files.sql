-- Files of workers whose rows are in the warehouse: recorded in the same transaction, forgotten once a file is removed.

create table main.staged_files (
    name varchar,               -- run, table and share
    committed_at timestamptz
);
