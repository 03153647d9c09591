"""What should have happened in a simulated week, held against what the tables say happened."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeAlias

import dagster as dg
from dagster._core.storage.tags import SCHEDULE_NAME_TAG
from pydantic import BaseModel

from walmart_pipeline.automation import run_tags
from walmart_pipeline.simulation.evidence import Evidence
from walmart_pipeline.stages.content import planning

CENT = 0.01
# The assets whose steps call models, each under the budget.
SPENDING = ("content/generated_content", "models/tuned", "evaluation/model_evaluation")
SUCCESS, FAILURE = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE


class Expectation(BaseModel):
    """One thing that should have happened. is_met: whether the tables say so."""

    subject: str
    expected: str
    found: str
    is_met: bool


Found: TypeAlias = Iterable[Expectation]


def _equal(subject: str, what: str, expected: int, found: int) -> Expectation:
    return Expectation(subject=subject, expected=f"{expected} {what}", found=str(found), is_met=expected == found)


def _none(subject: str, what: str, found: Iterable[str]) -> Expectation:
    """Nothing of what is wrong; otherwise the first few are named."""
    wrong = sorted(found)
    shown = f"{len(wrong)}: {run_tags.shortened(wrong)}" if wrong else "0"
    return Expectation(subject=subject, expected=f"0 {what}", found=shown, is_met=not wrong)


def files(evidence: Evidence) -> Found:
    """Each version of a file is read once; none is left unread."""
    versions = {(name, hashlib.sha256(content).hexdigest()) for name, content in evidence.deliveries()}
    read = sum(values["feeds read"] for _, _, values in evidence.metadata("catalog/raw_products"))
    yield _equal("files", "versions of files, each read once", len(versions), read)
    unread = evidence.rows("select source_file, status from catalog.feeds where status <> 'read'")
    yield _none("files", "files refused or unreadable", [row["source_file"] for row in unread])
    if evidence.diary.touched:
        seen = sum("touched, but unchanged" in (tick.skip_reason or "") for tick in evidence.ticks("inbox"))
        yield _equal("files", "file only touched, which costs no run", evidence.diary.touched, seen)


def products(evidence: Evidence) -> Found:
    """The catalog is what the supplier sent last: no product lost, none twice, every price current."""
    sent = evidence.range()
    stored = {
        row["product_id"]: row["price"] for row in evidence.rows("select product_id, price from catalog.products")
    }
    yield _none("products", "lost or invented", set(sent) ^ set(stored))
    old = [each for each, price in stored.items() if each in sent and price != sent[each]["price"]]
    yield _none("products", "with an old price", old)
    rows = evidence.count("select count(*) from catalog.raw_products")
    yield _equal("products", "rows of files, none twice", len(sent), rows)


def texts(evidence: Evidence) -> Found:
    """Every product ends with a text of its present facts, in the listings or in review."""
    current = evidence.rows(
        "select product_id from catalog.products join content.generated_content using (product_id, facts_hash) "
        "where status = 'complete'"
    )
    yield _none("texts", "products without a text of their present facts", set(evidence.range()) - _ids(current))
    settled = evidence.rows("select product_id from quality.listings union select product_id from quality.review_queue")
    yield _none("texts", "products neither listed nor in review", set(evidence.range()) - _ids(settled))


def plans(evidence: Evidence) -> Found:
    """What was written and why: new products and changed facts once, a price never."""
    diary = evidence.diary
    planned: Counter[str] = Counter()
    for plan in evidence.plans():
        planned.update(plan.reasons)
    added, corrected = (sum(map(len, each.values())) for each in (diary.added, diary.corrected))
    yield _equal("plans", "new products planned once", added, planned["new"])
    if corrected:
        yield _equal("plans", "changed facts planned once", corrected, planned["facts changed"])
    for day in diary.days:
        repriced = set(diary.repriced.get(day.number, ())) - set(diary.rejected)
        if repriced:
            called = {call["product_id"] for call in evidence.calls_between(day.started, day.ended)} & repriced
            yield _none("plans", f"calls for {len(repriced)} other prices of day {day.number}", called)


def exports(evidence: Evidence) -> Found:
    """The last export has every accepted listing once."""
    lines = (evidence.settings.exports / "listings.jsonl").read_text(encoding="utf-8").splitlines()
    exported = Counter(json.loads(line)["product_id"] for line in lines)
    listed = _ids(evidence.rows("select product_id from quality.listings"))
    wrong = (listed ^ set(exported)) | {each for each, times in exported.items() if times > 1}
    yield _none("exports", f"of {len(listed)} listings lost or twice", wrong)


def nights(evidence: Evidence) -> Found:
    """One tick and one run for each night."""
    ticks = [tick for tick in evidence.ticks("nightly") if tick.run_ids]
    runs = [run for run in evidence.runs if run.tags.get(SCHEDULE_NAME_TAG) == "nightly"]
    ended_well = sum(run.status == SUCCESS for run in runs)
    expected = len(evidence.diary.days)
    yield Expectation(
        subject="nights",
        expected=f"{expected} ticks of the schedule, a run for each",
        found=f"{len(ticks)} ticks, {len(runs)} runs, {ended_well} succeeded",
        is_met=len(ticks) == len(runs) == ended_well == expected,
    )


def requests(evidence: Evidence) -> Found:
    """No run is lost, and none is done twice for the same request."""
    yield _none("runs", "that never ended", [run.run_id for run in evidence.runs if not run.is_finished])
    succeeded: Counter[str] = Counter()
    for run in evidence.runs:
        for tag in (run_tags.BATCH, run_tags.REQUEST):
            if tag in run.tags:
                succeeded[run.tags[tag]] += run.status == SUCCESS
    yield _none("runs", "requests of sensors done twice", [key for key, times in succeeded.items() if times > 1])
    broken = [key for key, times in succeeded.items() if not times]
    yield Expectation(
        subject="runs",
        expected=f"{len(succeeded) - evidence.diary.broken_exports} of {len(succeeded)} requests succeeded",
        found=f"{len(succeeded) - len(broken)}",
        is_met=len(broken) == evidence.diary.broken_exports,
    )


def kills(evidence: Evidence) -> Found:
    """A run outlives its daemon; one that dies with it is marked as failed, and repeated once."""
    by_id = {run.run_id: run for run in evidence.runs}
    for kill in evidence.diary.kills:
        run = by_id[kill.run]
        repeated = [each for each in evidence.runs if each.parent_run_id == kill.run]
        outcome = f"{run.status.value.lower()}, repeated {len(repeated)} times"
        if repeated:
            outcome += f", then {repeated[0].status.value.lower()}"
        if kill.with_runs:
            met = run.status == FAILURE and [each.status for each in repeated] == [SUCCESS]
            yield Expectation(
                subject="kill -9 of daemon and run",
                expected="failure, repeated 1 times, then success",
                found=outcome,
                is_met=met,
            )
        else:
            met = run.status == SUCCESS and not repeated
            yield Expectation(
                subject="kill -9 of the daemon", expected="success, repeated 0 times", found=outcome, is_met=met
            )


def outages(evidence: Evidence) -> Found:
    """Without a server, only new products get a text, by the template writer; a model replaces it afterwards."""
    for outage in evidence.diary.outages:
        during = Counter[str]()
        for plan in evidence.plans():
            if outage.began.timestamp() <= plan.at <= outage.ended.timestamp():
                during.update(plan.reasons)
        expected = {"new": len(outage.arrived)}
        yield Expectation(
            subject="outage",
            expected=f"planned meanwhile: {expected}, no existing text",
            found=str(dict(during)),
            is_met=dict(during) == expected,
        )
    if evidence.diary.outages:
        left = evidence.rows("select product_id from content.generated_content where provider = 'template'")
        yield _none("outage", "texts of the template writer left", _ids(left))


def calls(evidence: Evidence) -> Found:
    """What the servers answered is in the ledger, but for what was in flight at a power cut; nothing is asked twice."""
    answered = evidence.served()["answered"]
    kept = [call for call in evidence.calls if call["status"] == "complete"]
    in_flight = evidence.diary.concurrency * sum(kill.with_runs for kill in evidence.diary.kills)
    lost = answered - len(kept)
    yield Expectation(
        subject="calls",
        expected=f"{answered} answers of the servers kept"
        + (f", {in_flight} in flight at most lost" if in_flight else ""),
        found=f"{len(kept)} kept, {lost} lost",
        is_met=0 <= lost <= in_flight,
    )
    times = Counter(call["request_hash"] for call in kept)
    yield _none("calls", "requests paid twice", [each for each, count in times.items() if count > 1])


def insights(evidence: Evidence) -> Found:
    """The figures that the pipeline itself keeps of its calls are those of the ledger."""
    counted = evidence.count("select sum(calls) from insights.performance")
    yield _equal("insights", "calls in insights.performance", len(evidence.calls), counted)


def costs(evidence: Evidence) -> Found:
    """The rented servers' time is in the ledger, counted by the insights, and within the budget of each step."""
    free = [call["product_id"] for call in evidence.calls if call["status"] == "complete" and not call["cost_usd"]]
    yield _none("costs", "answers that cost nothing", free)
    paid = sum(call["cost_usd"] for call in evidence.calls)
    counted = float(evidence.rows("select sum(cost_usd) as usd from insights.performance")[0]["usd"] or 0)
    yield Expectation(
        subject="costs",
        expected=f"{paid:.4f} USD of the ledger in insights.performance",
        found=f"{counted:.4f}",
        is_met=abs(counted - paid) < CENT / 100,
    )
    most = evidence.diary.budget_usd
    spent = [values["cost of calls (USD)"] for key in SPENDING for _, _, values in evidence.metadata(key)]
    yield Expectation(
        subject="costs",
        expected=f"{most:.2f} USD a step at most",
        found=f"{max(spent, default=0.0):.4f}",
        is_met=max(spent, default=0.0) <= most,
    )


def ratings(evidence: Evidence) -> Found:
    """Each rating counts once, one run learns from them, and rejected texts are asked for again."""
    diary = evidence.diary
    if not diary.ratings:
        return
    yield _equal(
        "ratings",
        "ratings, from a file imported twice",
        diary.ratings,
        evidence.count("select count(*) from quality.ratings"),
    )
    learned = [run for run in evidence.runs if run.job_name == "feedback" and run.status == SUCCESS]
    yield _equal("ratings", "run that learns from them", 1, len(learned))
    again = sum(plan.reasons.get("rejected by a reviewer", 0) for plan in evidence.plans())
    rejected = len(diary.rejected)
    yield Expectation(
        subject="ratings",
        expected=f"{rejected} rejected texts asked for again, twice at most",
        found=str(again),
        is_met=rejected <= again <= planning.MAX_REVISIONS * rejected,
    )


def promotion(evidence: Evidence) -> Found:
    """A grown dataset is retrained from once; its better model is promoted, and rolled out by a canary first."""
    if not evidence.diary.retrainings:
        return
    retrained = [run for run in evidence.runs if run.job_name == "retrain" and run.status == SUCCESS]
    yield _equal("promotion", "retraining of the grown dataset", evidence.diary.retrainings, len(retrained))
    promoted = evidence.rows("select champion, decided_by, reason from models.promotions")
    yield _equal(
        "promotion", "model promoted by its evaluation", 1, sum(row["decided_by"] == "evaluation" for row in promoted)
    )
    for rollout in evidence.rows("select * from content.rollouts"):
        decided = rollout["decided_at"]
        before = sum(
            plan.reasons.get("model changed", 0)
            for plan in evidence.plans()
            if decided is None or plan.at < decided.timestamp()
        )
        yield Expectation(
            subject="promotion",
            expected=f"a canary of {rollout['texts']} texts, judged, then the rest",
            found=f"{before} texts before the decision; {rollout['phase']}: {rollout['reason']}",
            is_met=0 < before <= rollout["texts"] and rollout["phase"] == "full" and decided is not None,
        )
        others = evidence.rows(f"select product_id from content.generated_content where model <> '{rollout['model']}'")
        yield _none("promotion", "texts of another model left", _ids(others))


def drift(evidence: Evidence) -> Found:
    """A category that fell is written again, as often as a day allows, and is as good as before."""
    drifts = evidence.diary.drifts
    regenerations = [run for run in evidence.requested("declined") if run.status == SUCCESS]
    allowed = sum(not each.is_limited for each in drifts)
    if drifts:
        yield _equal("drift", "regeneration of a category that fell", allowed, len(regenerations))
    for each in drifts:
        history = evidence.rows(
            "select mean, recorded_at from quality.category_history "
            f"where category = '{each.category}' order by recorded_at"
        )
        before = [row["mean"] for row in history if row["recorded_at"] < each.at]
        after = [row["mean"] for row in history if row["recorded_at"] >= each.at]
        if not before or not after:
            yield Expectation(subject="drift", expected=f"{each.category} judged", found="no scores", is_met=False)
            continue
        yield Expectation(
            subject="drift",
            expected=f"{each.category} falls from {before[-1]:.0f} and is as good again",
            found=f"down to {min(after):.0f}, now {after[-1]:.0f}",
            is_met=min(after) < before[-1] - 1 and after[-1] > before[-1] - 1,
        )
    if any(each.is_limited for each in drifts):
        at_limit = sum("limit" in (tick.skip_reason or "") for tick in evidence.ticks("quality_drift"))
        yield Expectation(
            subject="drift",
            expected="the sensor says that the day's limit is reached",
            found=f"{at_limit} ticks",
            is_met=at_limit > 0,
        )


def alerts(evidence: Evidence) -> Found:
    """Every failure that stays one is reported once, and nothing else is."""
    repeated = {run.parent_run_id for run in evidence.runs}
    failed = [run.run_id for run in evidence.runs if run.status == FAILURE and run.run_id not in repeated]
    yield _equal("alerts", "runs failed for good", evidence.diary.broken_exports, len(failed))
    messages = evidence.alerts()
    wrong = [run_id for run_id in failed if sum(run_id in message for message in messages) != 1]
    yield _none("alerts", f"of {len(failed)} failures not reported, or twice", wrong)
    false = [message for message in messages if not any(run_id in message for run_id in failed)]
    yield _none("alerts", f"of {len(messages)} messages about nothing", false)


CHECKS: tuple[Callable[[Evidence], Found], ...] = (
    files, products, texts, plans, exports, nights, requests, kills, outages, calls, insights, costs, ratings,
    promotion, drift, alerts,
)  # fmt: skip


def all_of(evidence: Evidence) -> list[Expectation]:
    """Every expectation of the events that took place."""
    return [expectation for check in CHECKS for expectation in check(evidence)]


def _ids(rows: Iterable[dict[str, object]]) -> set[str]:
    return {str(row["product_id"]) for row in rows}
