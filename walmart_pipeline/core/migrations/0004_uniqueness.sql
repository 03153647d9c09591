-- Which text is like which: one row for each judged text that has words of its own to compare.

create table quality.copies (
    product_id varchar,
    content_hash varchar,
    family varchar,             -- this and the next three: the signature, quality/uniqueness.py
    text_key ubigint,
    bands ubigint[],
    bits ubigint[],
    nearest_product_id varchar, -- the most similar text of another product, where one is near
    nearest_content_hash varchar,
    similarity double           -- with it, 0 to 1; 0: none is near; null: not compared yet
);
