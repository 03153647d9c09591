"""Finds near-copies among many texts: candidates by MinHash bands in DuckDB, then their exact Jaccard index.

A text is identified by its `sketch_key`, which verbatim copies share. Only new texts are compared, with each other and
with all others.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import reduce
from operator import xor
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from walmart_pipeline.core.records import ExampleInput, Listing, Product
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.duplicates.nearest import SIMILARITY
from walmart_pipeline.judge.duplicates.uniqueness import BANDS, own_words, signature, word_triples
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.text.analysis import analyze

# Exact Jaccard index of the shingles. Of 895, 223 and 2,554 real records 479, 12 and 465 pairs across families reach
# it, and components stay small: the largest have 23, 5 and 21 products (at 0.8: 23, 5 and 13; at 0.65: 23, 7 and 26).
# The recall of candidates is 99 % at 0.7, and 89 % at 0.6 (duplicates/uniqueness.py).
NEAR_COPY = 0.7
# Three standard errors of a sketch's estimate: only candidates within it of the threshold are measured exactly.
ESTIMATE_ERROR = 0.15
# Boilerplate fills huge buckets: a text is compared with at most this many texts of each.
REPRESENTATIVES = 20
# Pairs per chunk: their texts are held in memory, and each chunk scans the table of texts.
CHUNK_PAIRS = 20_000

CANDIDATES = f"""
insert into pair_candidates
with shared as (
    select bands[$band] as bucket
    from {{table}}
    where sketch_key is not null
    group by bucket
    having min(sketch_key) <> max(sketch_key) and bool_or(compared is null)
),
placed as materialized (
    select bucket, sketch_key, any_value(bits) as bits, bool_and(compared is null) as fresh
    from {{table}}
    join shared on shared.bucket = bands[$band]
    group by bucket, sketch_key
),
representatives as (
    select bucket, sketch_key, bits, fresh
    from placed
    qualify row_number() over (partition by bucket order by sketch_key) <= {REPRESENTATIVES}
)
select distinct least(one.sketch_key, other.sketch_key), greatest(one.sketch_key, other.sketch_key), {SIMILARITY}
from placed as one
join representatives as other using (bucket)
where one.sketch_key <> other.sketch_key and (one.fresh or other.fresh) and {SIMILARITY} >= {NEAR_COPY - ESTIMATE_ERROR}
"""

SURE = f"""
insert into training.near_copies
select distinct $corpus, one, other, similarity
from pair_candidates
where similarity > {NEAR_COPY + ESTIMATE_ERROR}
"""

UNSURE = f"""
create or replace temp table unsure as
select one, other, row_number() over (order by one, other) - 1 as place
from (select distinct one, other from pair_candidates where similarity <= {NEAR_COPY + ESTIMATE_ERROR})
"""

# One product for each text of a chunk of pairs.
TEXTS_OF_CHUNK = """
create or replace temp table texts_to_compare as
select sketch_key, min(product_id) as product_id
from {table}
where sketch_key in (
    select unnest([one, other])
    from unsure
    where place between $first and $last
)
group by sketch_key
"""

FORGET_GONE = """
delete from training.near_copies
where corpus = $corpus
    and (one not in (select sketch_key from {table} where sketch_key is not null)
        or other not in (select sketch_key from {table} where sketch_key is not null))
"""


class ComparedText(NamedTuple):
    """A text to compare; the words of the product's name do not count."""

    product_name: str
    features: Sequence[str]
    description: str = ""


class Corpus(NamedTuple):
    """Texts to compare, one per product.

    table: with product_id, sketch_key (null if the text is too short), bands, bits and compared.
    texts: SQL for product_id and text of the products in the temporary table `texts_to_compare`; read: parses a text.
    """

    name: str
    table: str
    texts: str
    read: Callable[[str], ComparedText]


def input_text(given: ExampleInput) -> ComparedText:
    """Return the text of a model's input."""
    return ComparedText(given.product_name, given.features)


def product_text(product_json: str) -> ComparedText:
    """Return the text of a model's input about a Product."""
    return input_text(prompt.facts(Product.model_validate_json(product_json)))


def example_output(example_json: str) -> ComparedText:
    """Return the output text of a TrainingExample."""
    example = json.loads(example_json)
    output = example["output"]
    features = prompt.lines(output["features_formatted"].split("\n"))
    return ComparedText(example["input"]["product_name"], features, output["description"])


def sketch(judge: Judge, text: ComparedText) -> Row:
    """Return the columns sketch_key, bands and bits of a text; nulls if it is too short."""
    listing = Listing(key_features=list(text.features), description=text.description)
    found = signature(judge.case(Product(product_id="", product_name=text.product_name), listing))
    if found is None:
        return {"sketch_key": None, "bands": None, "bits": None}
    return {"sketch_key": reduce(xor, found.bands), "bands": found.bands, "bits": found.bits}


def shingles(text: ComparedText) -> NDArray[np.int64]:
    """Return distinct hashes of word trigrams, without the words of the name and without numbers."""
    words = own_words([analyze(text.product_name)], map(analyze, [*text.features, text.description]))
    return np.unique(np.fromiter(map(hash, word_triples(words)), dtype=np.int64))


def similarity(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Return the Jaccard index of two sets of shingles, 0 to 1."""
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common or 1)


def update(db: Database, corpus: Corpus) -> None:
    """Update the pairs of this corpus in `training.near_copies`: both keys and their similarity."""
    table = corpus.table
    if db.value(f"select count(*) from {table} where compared is null"):
        db.execute("create or replace temp table pair_candidates (one ubigint, other ubigint, similarity double)")
        for band in range(1, BANDS + 1):
            db.execute(CANDIDATES.format(table=table), {"band": band})
        db.execute(SURE, {"corpus": corpus.name})
        db.execute(UNSURE)
        for first in range(0, db.count("unsure"), CHUNK_PAIRS):
            db.append("training.near_copies", _measured(db, corpus, first, first + CHUNK_PAIRS - 1))
        db.execute(f"update {table} set compared = true where compared is null")
        db.execute("drop table pair_candidates")
        db.execute("drop table unsure")
    db.execute(FORGET_GONE.format(table=table), {"corpus": corpus.name})


def _measured(db: Database, corpus: Corpus, first: int, last: int) -> list[Row]:
    """Measure a chunk of unsure pairs. Returns the near-copies."""
    places = {"first": first, "last": last}
    db.execute(TEXTS_OF_CHUNK.format(table=corpus.table), places)
    words = {
        row["sketch_key"]: shingles(corpus.read(row["text"]))
        for page in db.stream(f"select sketch_key, text from ({corpus.texts}) join texts_to_compare using (product_id)")
        for row in page
    }
    pairs = db.query("select one, other from unsure where place between $first and $last", places)
    return [
        {"corpus": corpus.name, **pair, "similarity": measured}
        for pair in pairs
        if (measured := similarity(words[pair["one"]], words[pair["other"]])) >= NEAR_COPY
    ]


def connect(db: Database, edges: str) -> None:
    """Fill the temporary table `connected` (node, root): each node of a graph with the least node of its component.

    edges: SQL for the columns one and other. Memory: 40 bytes per edge.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    db.execute(f"create or replace temp table edges as {edges}")
    db.execute(
        "create or replace temp table nodes as select node, row_number() over (order by node) - 1 as place "
        "from (select one as node from edges union select other from edges)"
    )
    pairs = db.frame(
        "select first.place as one, second.place as other from edges "
        "join nodes as first on first.node = one join nodes as second on second.node = other"
    )
    size = max(1, db.count("nodes"))
    graph = coo_array((np.ones(len(pairs), dtype=bool), (pairs["one"], pairs["other"])), shape=(size, size))
    _, labels = connected_components(graph, directed=False)
    _, firsts = np.unique(labels, return_index=True)
    db.execute("create or replace temp table roots (place bigint, root bigint)")
    roots = enumerate(firsts[labels].tolist())
    db.append("roots", ({"place": place, "root": root} for place, root in roots if place != root))
    db.execute(
        "create or replace temp table connected as select nodes.node, coalesce(first.node, nodes.node) as root "
        "from nodes left join roots using (place) left join nodes as first on first.place = roots.root"
    )
