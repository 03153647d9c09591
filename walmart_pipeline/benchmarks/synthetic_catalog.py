"""Creates synthetic products and texts for benchmarks inside DuckDB, a million in seconds."""

from __future__ import annotations

from walmart_pipeline.core.warehouse import Database
from walmart_pipeline.generation import parsing
from walmart_pipeline.generation.provider import Provider

# In one statement, 20,000 products took 80 MB more than what is measured afterwards.
CHUNK = 2_000

MAKE = """
insert into catalog.products by name
select
    'B-' || lpad(n::varchar, 8, '0') as product_id,
    'Brindlewick Kettle No. ' || n || ', ' || (n % 40 + 10) / 10.0 || ' L, Matte Navy' as product_name,
    'Brindlewick' as brand,
    ['Home', 'Kitchen', 'Kettles'] as category,
    map {'Capacity': (n % 40 + 10) / 10.0 || ' L', 'Material': 'stainless steel', 'Color': 'navy'} as attributes,
    ['Holds ' || (n % 40 + 10) / 10.0 || ' L', 'Switches off by itself', 'Lid opens at a button'] as features,
    'Kettle ' || n || ' heats water for tea and coffee. Its body is one piece of stainless steel. '
        || 'The base is apart, so the kettle lifts off without its cord. A window shows the water.' as description,
    20.0 + n % 30 as price,
    'bench' as source_file,
    n as source_row,
    md5('facts ' || n) as facts_hash,
    []::varchar[] as notes,
    now() as updated_at
from range($first, $last) as numbers(n)
"""

# Makes the texts of the first products out of date.
CHANGE = """
update catalog.products
set
    description = description || ' A new leaflet is in the box.',
    facts_hash = md5('changed ' || facts_hash),
    updated_at = now()
where source_row < $changed
"""

WRITTEN = """
insert into content.generated_content by name
select
    product_id,
    facts_hash,
    $provider as provider,
    $model as model,
    $model as written_by,
    $prompt_version as prompt_version,
    $parser_version as parser_version,
    0 as revision,
    'complete' as status,
    product_name as title,
    features as key_features,
    description,
    []::varchar[] as seo_keywords,
    md5(facts_hash) as content_hash,
    now() as generated_at
from catalog.products
"""


def make(db: Database, products: int) -> None:
    """Fill `catalog.products` up to this number."""
    for first in range(db.count("catalog.products"), products, CHUNK):
        db.execute(MAKE, {"first": first, "last": min(first + CHUNK, products)})
        db.checkpoint()


def change(db: Database, products: int) -> None:
    """Change the facts of the first so many products."""
    db.execute(CHANGE, {"changed": products})


def write_texts(db: Database, provider: Provider) -> None:
    """Add a text by this provider for every product."""
    db.execute(
        WRITTEN,
        {
            "provider": provider.name,
            "model": provider.model,
            "prompt_version": provider.prompt_version,
            "parser_version": parsing.VERSION,
        },
    )
