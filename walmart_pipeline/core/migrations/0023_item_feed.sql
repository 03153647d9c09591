-- Walmart's item feed: each publishable listing as an item, what was sent of it, and what came back.

-- One row a publishable listing, made anew when its text, its record, the spec or the mapping changes.
create table delivery.item_feed (
    product_id varchar,
    product_type varchar,       -- of Walmart's item spec; null: its category is not mapped
    variant_group varchar,      -- items of one group are never in different files
    item json,                  -- {Orderable, Visible}; null where it is left out
    item_hash varchar,
    bytes bigint,               -- of the item in UTF-8
    problems varchar[],         -- why it is left out; null: it is not
    omitted varchar[],          -- attributes of the record that the spec does not take as they are, and why
    spec_version varchar,
    inputs_hash varchar,
    compiled_at timestamptz
);

-- One row for each item of each file that was written. Those that were not sent are replaced by the next export.
create table delivery.feed_entries (
    file varchar,
    file_sha256 varchar,
    product_id varchar,
    item_hash varchar,
    sent_at timestamptz,        -- null: written, not sent
    sent_by varchar,
    feed_id varchar,            -- Walmart's
    status varchar,             -- SUCCESS | DATA_ERROR | SYSTEM_ERROR | TIMEOUT_ERROR | FEED_ERROR | RETIRED; null: unknown
    errors struct(code varchar, field varchar, message varchar, fix varchar)[],
    read_at timestamptz
);

-- Items that Walmart refused as they are now: review cases, with the columns of quality.review_queue.
create table delivery.refused_items (
    product_id varchar,
    status varchar,             -- needs_review
    reasons varchar[],
    score double,
    content_hash varchar,
    queued_at timestamptz
);
