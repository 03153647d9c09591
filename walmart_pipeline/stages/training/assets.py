"""Assets of the stage `training`."""

from collections.abc import Iterator

import dagster as dg

from walmart_pipeline import fan_out, reporting
from walmart_pipeline.core import buckets
from walmart_pipeline.core.progress import Progress
from walmart_pipeline.core.settings import Settings
from walmart_pipeline.core.staging import Staging
from walmart_pipeline.core.warehouse import Warehouse
from walmart_pipeline.generation import prompt
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline.resources import WAREHOUSE_POOL, asset_of
from walmart_pipeline.stages.training import (
    data_card,
    dataset_store,
    learned_rating,
    rating_evaluation,
    selection,
    split_assignment,
)
from walmart_pipeline.stages.training import examples as learning

asset = asset_of("training", owner="ml")


@asset(
    deps=[dg.AssetKey(["quality", "listings"])],
    kinds={"duckdb", "python"},
    code_version=learning.VERSION,
    pool=WAREHOUSE_POOL,
)
def examples(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """Training examples: a product's facts, its text, and the text's quality.

    Sources: texts accepted by the judge, texts edited by reviewers, and imported files. Incremental; texts that are no
    longer accepted are dropped. Stand-ins by the template writer are included only if WALMART_LEARN_FROM_STAND_INS is
    true. If ENABLE_DATA_COLLECTION is false, all examples are deleted.
    """
    committed = learning.commit(warehouse, Staging(settings.staging))
    with warehouse.writing() as db:
        if not settings.enable_data_collection:
            db.execute("delete from training.examples")
            return dg.MaterializeResult(
                metadata={"dagster/row_count": 0, "collection": "off"}, data_version=reporting.version("off")
            )
        with progress.step("collecting examples", None, context.log.info) as advance:
            made = committed + learning.learn(db, judge, advance=advance, stand_ins=settings.learn_from_stand_ins)
        contents = reporting.contents(db, "training.examples")
        version = db.fingerprint(
            "select product_id, content_key, quality_score, user_rating, source from training.examples"
        )
        qualities = db.query(
            "select category, count(*) as examples, avg(quality_score) as mean_quality from training.examples "
            "group by category order by examples desc limit 20"
        )
        by_source = db.query(
            "select source, count(*) as examples, avg(quality_score) as mean_quality, count(user_rating) as rated "
            "from training.examples group by source order by source"
        )
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version),
        metadata={
            **contents,
            "new examples": made,
            "by source": reporting.table(by_source),
            "by category": reporting.table(qualities),
        },
    )


def _divide_listings(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> Iterator[dg.DynamicOutput[None]]:
    """Divide the accepted texts without an example into shares."""
    if settings.enable_data_collection:
        with warehouse.writing() as db:
            learning.forget(db, stand_ins=settings.learn_from_stand_ins)
            found = learning.unlearned_by_bucket(db, stand_ins=settings.learn_from_stand_ins)
        yield from fan_out.outputs(buckets.shares(found, settings.bucket_texts))


def _learn_share(
    context: dg.OpExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    progress: dg.ResourceParam[Progress],
) -> None:
    """Make the examples of a share into a staged file."""
    share = fan_out.share_of(context)
    path = Staging(settings.staging).path(context.run.run_id, learning.TABLE, share)
    if not path.exists():
        with progress.step("collecting examples", None, context.log.info) as advance:
            learning.stage(warehouse, share, path, advance=advance, stand_ins=settings.learn_from_stand_ins)


examples_in_shares = fan_out.FanOut(examples, _divide_listings, _learn_share)


@asset(deps=[examples], kinds={"duckdb", "json"}, code_version=dataset_store.VERSION, pool=WAREHOUSE_POOL)
def dataset(
    context: dg.AssetExecutionContext,
    settings: dg.ResourceParam[Settings],
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """A version of the training data: examples of quality 70 or more, without near-copies, balanced over categories.

    Families and near-copies stay in one split, so that a model is never tested on its training data. Versions are
    immutable and identified by their content. Files: `training_data.json` in the published schema, chat files for
    OpenAI's fine-tuning, Parquet, and a data card.
    """
    with warehouse.writing() as db:
        with progress.step("comparing products", None, context.log.info) as advance:
            split_assignment.assign(db, judge, advance=advance)
        excluded = selection.select(db)
        version, is_new = dataset_store.publish(
            db,
            settings.datasets,
            policy=judge.policy.label,
            system_prompt=prompt.system(judge.policy.sentences()),
            excluded=excluded,
        )
        preview = db.query(
            "select split, source, category, quality_score, user_rating, example ->> '$.output.title' as title "
            "from training.dataset order by quality_score desc, product_id limit 5"
        )
        split = db.query(
            "select split, count(*) as products, count(distinct family) as families, "
            "count(distinct component) as components from training.split group by split order by split"
        )
        history = db.query(
            "select 'v' || number as version, fingerprint, counts, excluded, mean_quality, created_at "
            "from training.dataset_versions order by number desc limit 10"
        )
        contents = reporting.contents(db, "training.dataset")
    folder = settings.datasets / version.name
    return dg.MaterializeResult(
        data_version=dg.DataVersion(version.fingerprint),
        metadata={
            **contents,
            "version": version.name,
            "new": is_new,
            "fingerprint": version.fingerprint,
            "mean quality": round(version.mean_quality or 0.0, 1),
            **{f"{split} examples": count for split, count in version.counts.items()},
            "sources": dg.MetadataValue.json(version.sources),
            "excluded": dg.MetadataValue.json(version.excluded),
            "thresholds": dg.MetadataValue.json(version.thresholds),
            "preference pairs": version.preference_pairs,
            "training tokens (estimate)": version.fine_tuning["train"].tokens,
            "files": dg.MetadataValue.path(folder),
            "data card": reporting.link(settings, folder / data_card.CARD),
            "products by split": reporting.table(split),
            "preview": reporting.table(preview),
            "versions": reporting.table(history),
        },
    )


@asset(
    deps=[dg.AssetKey(["quality", "scores"]), dataset],
    kinds={"duckdb", "scikitlearn"},
    code_version=learned_rating.VERSION,
    pool=WAREHOUSE_POOL,
)
def rating_model(
    context: dg.AssetExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    judge: dg.ResourceParam[Judge],
    progress: dg.ResourceParam[Progress],
) -> dg.MaterializeResult[None]:
    """A model that predicts reviewers' stars from the judge's scores and the words of a text, and its predictions.

    Retrained only if ratings or policy changed, and used only if it beats the mean and the score on unseen product
    families. For information only: `predicted_ratings` does not affect what is published.
    """
    with warehouse.writing() as db:
        version, is_new = learned_rating.train(db, judge)
        with progress.step("predicting ratings", None, context.log.info) as advance:
            predicted = learned_rating.predict(db, judge, version, advance=advance)
        contents = reporting.contents(db, "training.predicted_ratings")
        predictions = db.fingerprint("from training.predicted_ratings")
        disagreeing = db.query(
            "select product_id, score, predicted.stars, title from training.predicted_ratings as predicted "
            "join quality.scores using (product_id, content_hash) "
            "join content.generated_content using (product_id, content_hash) "
            "order by score / 20 - predicted.stars desc, product_id limit 5"
        )
        history = db.query(
            "select version, policy, ratings, texts, kept, verdict, created_at from training.rating_model "
            "order by version desc limit 10"
        )
    tables = rating_evaluation.tables(version.metrics, version.model) if version.metrics and version.model else {}
    return dg.MaterializeResult(
        data_version=reporting.version(version.fingerprint, predictions),
        metadata={
            **contents,
            "version": version.version,
            "new": is_new,
            "verdict": version.verdict,
            "ratings": version.ratings,
            "new predictions": predicted,
            "high score, low predicted stars": reporting.table(disagreeing),
            "versions": reporting.table(history),
            **{name: dg.MetadataValue.md(table) for name, table in tables.items()},
        },
    )
