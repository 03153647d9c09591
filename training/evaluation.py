"""Measures the check of claims on labelled listings: `python -m training.evaluation --help`.

The texts' writers must not be among those that the model was fitted to; model.json names them.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from training import corpus
from training.corpus import Labelled
from training.mutations import SYNTHETIC
from walmart_pipeline.judge.claims.examination import Examination
from walmart_pipeline.judge.claims.listing_text import ListingText, fields_of

HONEST, REWORDED, FALSE, ADDED = "honest statements", "reworded statements", "false facts", "added facts"


class Result(NamedTuple):
    """A labelled statement, the text of its listing, and whether it is blocked, or at least hinted at."""

    labelled: Labelled
    listing: str
    blocked: bool
    hinted: bool


def interval(found: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927)."""
    if not of:
        return 0.0, 1.0
    z, share = 1.96, found / of
    middle, width = share + z * z / (2 * of), z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - width) / (1 + z * z / of), (middle + width) / (1 + z * z / of)


def table(results: Iterable[Result]) -> str:
    """Lines for each kind: number, blocked with its 95 % interval, blocked or hinted at."""
    groups: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        kind, is_added = result.labelled.kind, result.labelled.is_added
        if not kind:
            groups[REWORDED if result.labelled.field else HONEST].append(result)
        # Synthetic ones are counted for themselves.
        elif kind == SYNTHETIC:
            groups[kind].append(result)
        else:
            groups[ADDED if is_added else FALSE].append(result)
            groups[f"{'+ ' if is_added else ''}{kind}"].append(result)
    lines = [f"{'kind':36}{'n':>6}{'blocked':>9}{'95 %':>14}{'or hinted':>11}"]
    listings: dict[str, list[Result]] = defaultdict(list)
    for result in groups[HONEST]:
        listings[result.listing].append(result)
    whole = [
        Result(own[0].labelled, name, any(one.blocked for one in own), any(one.hinted for one in own))
        for name, own in listings.items()
    ]
    totals = [("honest listings", whole), *((name, groups.pop(name, [])) for name in (HONEST, REWORDED, FALSE, ADDED))]
    for name, own in [*totals, *sorted(groups.items(), key=lambda item: -len(item[1]))]:
        blocked = sum(one.blocked for one in own)
        low, high = interval(blocked, len(own))
        share = blocked / max(1, len(own))
        hinted = sum(one.hinted for one in own) / max(1, len(own))
        lines.append(f"{name:36}{len(own):6}{share:9.3f}{low:8.3f}–{high:.3f}{hinted:11.3f}")
    return "\n".join(lines)


def results(listings: Sequence[Labelled], *, encoder: bool) -> Iterator[Result]:
    """One result for each labelled statement."""
    for labelled in listings:
        listing = ListingText(fields_of(labelled.listing))
        examination = Examination(listing, labelled.product)
        if encoder:
            examination.read_open()
        doubted = [claim for claim in examination.claims() if claim.status != "supported"]
        name = json.dumps(listing.text)
        for statement in (each.statement for each in examination.statements):
            if labelled.labels(listing, statement.start, statement.end):
                own = [claim for claim in doubted if statement.start <= claim.start < statement.end]
                blocked = any(not claim.hint for claim in own)
                yield Result(labelled, name, blocked, bool(own))


def main() -> None:
    """Print how many false statements are found and how many honest ones are blocked."""
    parser = argparse.ArgumentParser(prog="evaluation", description=(__doc__ or "").partition("\n")[0])
    corpus.add_arguments(parser)
    parser.add_argument("--no-cross-encoder", action="store_true", help="evidence and alignment alone")
    arguments = parser.parse_args()
    listings = list(corpus.read(arguments.texts, arguments.records))
    sys.stdout.write(table(results(listings, encoder=not arguments.no_cross_encoder)) + "\n")


if __name__ == "__main__":
    main()
