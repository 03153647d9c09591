"""Which texts are near-copies of one another, found without comparing every pair.

Belongs here: the texts that are compared, candidates, the exact measure, and groups of near-copies.
Does not: sketches of a text (duplicates/uniqueness.py), or what follows for a split (split_assignment.py) or an example
(selection.py).

Candidates share a band of their sketches (found by DuckDB); each is then measured exactly on its words. Memory: eight
bytes a text, and a page of pairs.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from walmart_pipeline.core.records import ExampleInput, Listing, Product
from walmart_pipeline.core.warehouse import Database, Row
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.duplicates.nearest import SIMILARITY
from walmart_pipeline.judge.duplicates.uniqueness import BANDS, own_words, signature, word_triples
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.text.analysis import analyze

# Exact Jaccard index of the shingles. Of 895, 223 and 2,554 real records 479, 12 and 465 pairs of other families are
# so alike, and components stay small: the largest have 23, 5 and 21 products (at 0.8: 23, 5 and 13; at 0.65: 23, 7 and
# 26). Candidates hold 99 % of the pairs of 0.7, and 89 % of those of 0.6 (duplicates/uniqueness.py).
NEAR_COPY = 0.7
# A sketch tells similarity to 0.05 (one standard error): a pair that it puts three errors lower is not measured.
ESTIMATED_AT_LEAST = NEAR_COPY - 0.15
# Sellers' boilerplate fills huge buckets: each text of one meets so many of it. All pairs of a bucket up to this size.
REPRESENTATIVES = 20

SKETCHED = """
create or replace temp table sketched as
select
    row_number() over (order by product_id) - 1 as place,
    product_id,
    bands,
    bits,
    min(product_id) over (partition by bands) = product_id as is_first
from ({sketches})
"""

# Sellers' boilerplate word for word: each text is compared with the first of its kind, and that one with all others.
SAME = """
create or replace temp table near_pairs as
select place as one, min(place) over (partition by bands) as other
from sketched
where bands is not null
qualify one <> other
"""

BAND = f"""
insert into near_pairs
with placed as (
    select place, bits, bands[$band] as bucket
    from sketched
    where bands is not null and is_first
),
buckets as (
    select bucket, min(place, {REPRESENTATIVES}) as representatives
    from placed
    group by bucket
    having count(*) > 1
),
-- Set down, else DuckDB measures every pair before it looks which of them met: 2,554 records took 16 s, so 0.07 s.
met as materialized (
    select place, bits, unnest(representatives) as representative
    from placed
    join buckets using (bucket)
)
select one.place, other.place
from met as one
join sketched as other on other.place = one.representative
where one.place <> other.place and {SIMILARITY} >= {ESTIMATED_AT_LEAST}
"""

PAIRS = "select distinct least(one, other) as one, greatest(one, other) as other from near_pairs order by all"

TEXTS = """
select place, text
from ({texts})
join sketched using (product_id)
where place in (select unnest($places))
"""


class Text(NamedTuple):
    """What is compared: a product's name, whose words do not count, and what is told of it."""

    product_name: str
    features: Sequence[str]
    description: str = ""


class Corpus(NamedTuple):
    """Texts in the warehouse, one a product.

    sketches: SQL with product_id, bands, bits (null: too short to compare). texts: SQL with product_id and text, of
    which `read` makes a Text.
    """

    sketches: str
    texts: str
    read: Callable[[str], Text]


class Groups:
    """What hangs together (union-find over 0 … size - 1); the least place of a group is its root."""

    def __init__(self, size: int) -> None:
        self._parents = array("q", range(size))

    def root(self, place: int) -> int:
        """The least place of the group."""
        parents = self._parents
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    def join(self, one: int, other: int) -> None:
        """Both are of one group from now on."""
        first, second = sorted((self.root(one), self.root(other)))
        self._parents[second] = first

    def rows(self) -> Iterator[Row]:
        """Each place with its root."""
        return ({"place": place, "root": self.root(place)} for place in range(len(self._parents)))


def input_text(told: ExampleInput) -> Text:
    """What a model is told of a product."""
    return Text(told.product_name, told.features)


def product_text(product_json: str) -> Text:
    """What a model would be told of a Product."""
    return input_text(prompt.facts(Product.model_validate_json(product_json)))


def example_input(example_json: str) -> Text:
    """What a model is told in a TrainingExample."""
    told = json.loads(example_json)["input"]
    return Text(told["product_name"], told["features"])


def example_output(example_json: str) -> Text:
    """What a TrainingExample answers."""
    example = json.loads(example_json)
    output = example["output"]
    return Text(
        example["input"]["product_name"], prompt.lines(output["features_formatted"].split("\n")), output["description"]
    )


def sketch(judge: Judge, text: Text) -> dict[str, Any]:
    """The columns bands and bits of a text; null where it has too few words of its own."""
    listing = Listing(key_features=list(text.features), description=text.description)
    found = signature(judge.case(Product(product_id="", product_name=text.product_name), listing))
    return {"bands": found.bands, "bits": found.bits} if found else {"bands": None, "bits": None}


def similarity(one: Text, other: Text) -> float:
    """Jaccard index of the shingles of both, 0 to 1: the words that sketches are made of, measured exactly."""
    first, second = shingles(one), shingles(other)
    return len(first & second) / (len(first | second) or 1)


def shingles(text: Text) -> set[tuple[str, ...]]:
    """Three words in a row, of the words that are compared: not those of the name, and no figures."""
    return word_triples(own_words([analyze(text.product_name)], map(analyze, [*text.features, text.description])))


def find(db: Database, corpus: Corpus) -> int:
    """Fill temporary tables `sketched` (place, product_id) and `near_pairs` (candidates). Returns how many texts."""
    db.execute(SKETCHED.format(sketches=corpus.sketches))
    db.execute(SAME)
    for band in range(1, BANDS + 1):
        db.execute(BAND, {"band": band})
    return db.count("sketched")


def join(db: Database, corpus: Corpus, groups: Groups) -> None:
    """Join the groups of all near-copies that `find` has candidates for. A pair that hangs together is not measured."""
    for page in db.pages(PAIRS):
        apart = [(row["one"], row["other"]) for row in page if groups.root(row["one"]) != groups.root(row["other"])]
        told = texts_at(db, corpus, apart)
        for one, other in apart:
            if groups.root(one) != groups.root(other) and similarity(told[one], told[other]) >= NEAR_COPY:
                groups.join(one, other)


def texts_at(db: Database, corpus: Corpus, pairs: Sequence[tuple[int, int]]) -> dict[int, Text]:
    """The texts of these pairs of places."""
    places = sorted({place for pair in pairs for place in pair})
    rows = db.query(TEXTS.format(texts=corpus.texts), {"places": places}) if places else []
    return {row["place"]: corpus.read(row["text"]) for row in rows}


def keep_groups(db: Database, groups: Groups) -> None:
    """Fill the temporary table `grouped` (product_id, root) from the groups over `sketched`."""
    db.execute("create or replace temp table group_roots (place bigint, root bigint)")
    db.append("group_roots", groups.rows())
    db.execute(
        "create or replace temp table grouped as select product_id, root from group_roots join sketched using (place)"
    )
