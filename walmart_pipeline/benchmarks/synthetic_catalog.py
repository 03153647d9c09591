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

# Of every 20th text the judge would doubt a statement.
DOUBTED = "source_row % 20 = 0"

DOUBTFUL_TEXTS = f"""
update content.generated_content as content
set description = content.description || ' It holds 9.9 L of water.', content_hash = md5('doubtful ' || content_hash)
from catalog.products
where products.product_id = content.product_id and {DOUBTED}
"""

SCORED = f"""
insert into quality.scores by name
select
    content.product_id,
    content.content_hash,
    content.facts_hash,
    'bench' as policy,
    if({DOUBTED}, 55.0, 80.0 + source_row % 20) as score,
    if({DOUBTED}, 'poor', 'excellent') as band,
    not {DOUBTED} as publishable,
    if(
        {DOUBTED},
        [{{
            'rule': 'grounding.number',
            'severity': 'blocking',
            'field': 'description',
            'evidence': '9.9 L',
            'message': 'the record does not say 9.9 L'
        }}],
        []
    ) as violations,
    now() as scored_at
from content.generated_content as content
join catalog.products using (product_id)
"""

LISTED = """
insert into quality.listings by name
select product_id, title, key_features, description, seo_keywords, content_hash, score, band, policy, provider, model,
    scored_at as accepted_at
from content.generated_content
join quality.scores using (product_id, content_hash)
where publishable
"""

QUEUED = """
insert into quality.review_queue by name
select product_id, 'needs_review' as status, [violations[1].message] as reasons, score, content_hash,
    scored_at as queued_at
from quality.scores
where not publishable
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


def review(db: Database) -> None:
    """Add scores of the texts as a judge could give them, listings, and a queue of every 20th product."""
    for statement in (DOUBTFUL_TEXTS, SCORED, LISTED, QUEUED):
        db.execute(statement)
    db.checkpoint()
