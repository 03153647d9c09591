"""A listing beside its record as HTML: violations marked, each claim linked to its passages and each passage back."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from walmart_pipeline.core.records import Listing, Violation
from walmart_pipeline.judge.claims import Proof, ProvenStatement, fields_of
from walmart_pipeline.studio.escaping import markup

# Marks are see-through, so that text keeps its contrast on light and dark; what they mean is also a line below the
# words, its form and a title, for whoever sees no colour.
STYLE = """<style>
.proof { display: grid; grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); gap: 1.5rem; line-height: 1.6; }
.proof.single { grid-template-columns: minmax(0, 1fr); }
@media (max-width: 700px) { .proof { grid-template-columns: minmax(0, 1fr); } }
.proof section { overflow-wrap: anywhere; }
.proof h3 { margin: 0.9rem 0 0.2rem; padding: 0; font-size: 0.8rem; font-weight: 600; }
.proof p, .proof ul, .proof ol { margin: 0 0 0.6rem; }
.proof .title { font-size: 1.15rem; font-weight: 600; }
.proof ol { padding-left: 2rem; }
.proof li { margin: 0 0 0.25rem; padding: 0 0.25rem; border-radius: 0.25rem; }
.proof mark { color: inherit; background: none; text-underline-offset: 0.2em; border-radius: 0.15rem; }
.proof mark.supported { text-decoration: underline 2px solid rgba(34, 139, 84, 0.9); }
.proof mark.unsupported { text-decoration: underline 2px dashed rgba(190, 120, 0, 1); }
.proof mark.contradicted { text-decoration: underline 2px wavy rgba(208, 48, 48, 1); }
.proof mark.blocking { background: rgba(224, 60, 60, 0.25); }
.proof mark.major { background: rgba(240, 170, 30, 0.28); }
.proof mark.minor { background: rgba(130, 140, 160, 0.25); }
.proof a { color: inherit; font-size: 0.72rem; text-decoration: none; padding: 0 0.25rem; margin-left: 0.15rem;
  border: 1px solid rgba(120, 130, 150, 0.7); border-radius: 0.6rem; white-space: nowrap; }
.proof a:hover, .proof a:focus { outline: 2px solid rgba(0, 83, 226, 0.8); }
.proof :target { background: rgba(0, 110, 255, 0.18); scroll-margin-top: 5rem; }
.proof .unproved { opacity: 0.85; font-style: italic; }
</style>"""

FIELD_NAMES = {"title": "Title", "key_features": "Key features", "description": "Description", "seo_keywords": "Search"}
_SHORT_NAMES = {"key_features": "feature", "description": "sentence", "seo_keywords": "search"}


class Span(NamedTuple):
    """A marked part of a field. kind: a status of a claim, or a severity."""

    start: int
    end: int
    kind: str
    title: str


def violation_spans(text: str, field: str, violations: Iterable[Violation]) -> Iterator[Span]:
    """Every place in a field where the words of a violation of this field stand."""
    for violation in violations:
        if violation.field == field and violation.evidence.strip():
            title = f"{violation.rule} ({violation.severity}): {violation.message}"
            for match in re.finditer(re.escape(violation.evidence), text):
                yield Span(*match.span(), violation.severity, title)


def proof_html(listing: Listing, violations: Iterable[Violation], proof: Proof, *, prefix: str) -> str:
    """The listing and its record side by side. prefix: of the anchors, to be unique on the page."""
    found = list(violations)
    return (
        f'{STYLE}<div class="proof"><section aria-label="Listing">{_listing(listing, found, proof, prefix)}</section>'
        f'<section aria-label="Record">{_record(proof, prefix)}</section></div>'
    )


def listing_html(listing: Listing) -> str:
    """A listing without marks, such as one that is still being written."""
    return f'{STYLE}<div class="proof single"><section>{_listing(listing, [], Proof((), ()), "")}</section></div>'


def _listing(listing: Listing, violations: list[Violation], proof: Proof, prefix: str) -> str:
    fields: dict[str, list[str]] = {name: [] for name in FIELD_NAMES}
    for name, text in fields_of(listing):
        statements = [(place, each) for place, each in enumerate(proof.statements) if each.field == name]
        fields[name.partition("[")[0]].append(_field(text, name, statements, violations, prefix))
    parts = []
    for name, heading in FIELD_NAMES.items():
        texts = [text for text in fields[name] if text]
        if not texts:
            continue
        parts.append(f"<h3>{heading}</h3>")
        if name in ("key_features", "seo_keywords"):
            parts.append(f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>")
        else:
            parts.append("".join(f'<p class="{name}">{text}</p>' for text in texts))
    return "".join(parts)


def _field(
    text: str, name: str, statements: list[tuple[int, ProvenStatement]], violations: list[Violation], prefix: str
) -> str:
    spans = list(violation_spans(text, name, violations))
    for _, statement in statements:
        for claim in statement.claims:
            state = "may be false" if claim.hint else {"supported": "the record says so"}.get(claim.status, "not true")
            spans.append(Span(claim.start, claim.end, claim.status, f"{claim.subject}: {state}"))
    parts, at = [], 0
    for place, statement in statements:
        parts.append(_marked(text, at, statement.start, spans))
        words = _marked(text, statement.start, statement.end, spans)
        parts.append(f'<span id="{prefix}-s{place}">{words}{_links(statement, place, prefix)}</span>')
        at = statement.end
    parts.append(_marked(text, at, len(text), spans))
    return "".join(parts).strip().replace("\n\n", "<br><br>")


def _links(statement: ProvenStatement, place: int, prefix: str) -> str:
    """Links to the passages that a statement and its claims rest on, by their numbers."""
    passages = dict.fromkeys([*(at for claim in statement.claims for at in claim.passages), *statement.passages])
    return "".join(
        f'<a href="#{prefix}-p{at}" aria-label="statement {place + 1}: passage {at + 1} of the record">{at + 1}</a>'
        for at in passages
    )


def _marked(text: str, start: int, end: int, spans: Iterable[Span]) -> str:
    """A part of a text, escaped, with its marks: where several overlap, the words carry all of them."""
    inside = [span for span in spans if span.start < end and span.end > start]
    bounds = sorted({start, end, *(min(max(at, start), end) for span in inside for at in (span.start, span.end))})
    parts = []
    for first, last in pairwise(bounds):
        over = [span for span in inside if span.start <= first and span.end >= last]
        words = markup(text[first:last])
        if over:
            kinds = " ".join(dict.fromkeys(span.kind for span in over))
            titles = "; ".join(dict.fromkeys(span.title for span in over))
            words = f'<mark class="{kinds}" title="{markup(titles)}">{words}</mark>'
        parts.append(words)
    return "".join(parts)


def _record(proof: Proof, prefix: str) -> str:
    places = _places(proof)
    items = []
    for place, passage in enumerate(proof.passages):
        back = "".join(
            f'<a href="#{prefix}-s{at}" aria-label="passage {place + 1}: {places[at]} of the listing">{places[at]}</a>'
            for at in proof.resting_on(place)
        )
        used = "" if back else ' class="unproved" title="the listing says nothing of this"'
        items.append(f'<li id="{prefix}-p{place}"{used}>{markup(passage)}{back}</li>')
    return f"<h3>Record</h3><ol>{''.join(items)}</ol>"


def _places(proof: Proof) -> list[str]:
    """Where each statement stands, in short: feature 2."""
    counts: Counter[str] = Counter()
    places = []
    for statement in proof.statements:
        kind = statement.field.partition("[")[0]
        counts[kind] += 1
        places.append("title" if kind == "title" else f"{_SHORT_NAMES[kind]} {counts[kind]}")
    return places
