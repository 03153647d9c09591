"""A listing beside its record: marks where the words stand, links that lead somewhere, and no markup of a product's."""

from __future__ import annotations

import re

from walmart_pipeline.core.records import Listing
from walmart_pipeline.studio.proof_view import listing_html, proof_html
from walmart_pipeline.studio.score_view import score_html
from walmart_pipeline.studio.text_diff import diff_html
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE

HOSTILE = "<img src=x onerror=alert(1)>"


def shown(listing: Listing) -> str:
    report, proof = JUDGE.examine(KETTLE, listing)
    return proof_html(listing, report.violations, proof, prefix="v1")


def test_the_words_that_break_a_rule_are_marked_with_what_to_change() -> None:
    html = shown(HONEST.model_copy(update={"title": "Brewster Glass Electric Kettle, 1.7 L, Free Shipping"}))
    (mark,) = re.findall(r'<mark class="blocking" title="([^"]*)">Free Shipping</mark>', html)
    assert mark.startswith("title.promotional (blocking): ")


def test_a_claim_and_a_violation_of_the_same_words_are_both_marked() -> None:
    html = shown(HONEST.model_copy(update={"description": f"{HONEST.description} It holds 3 liters."}))
    assert re.search(r'<mark class="blocking contradicted" title="[^"]*">3 liters</mark>', html)


def test_every_link_leads_to_a_passage_or_statement_and_both_directions_exist() -> None:
    html = shown(HONEST)
    targets = set(re.findall(r'href="#([^"]+)"', html))
    assert targets <= set(re.findall(r'id="([^"]+)"', html))
    assert any(target.startswith("v1-p") for target in targets)
    assert any(target.startswith("v1-s") for target in targets)
    assert 'aria-label="passage 5: title of the listing"' in html  # Wattage: 1500 W


def test_the_marks_leave_the_text_as_it_is() -> None:
    html = re.sub(r"<a [^>]*>.*?</a>", "", shown(HONEST)).partition('aria-label="Record"')[0]
    plain = re.sub(r"<[^>]+>", "", html.replace("<br><br>", "\n\n"))
    for text in (HONEST.title, *HONEST.key_features, HONEST.description):
        assert re.sub(r"\s+", " ", text) in re.sub(r"\s+", " ", plain)


def test_markup_of_a_product_is_shown_not_run() -> None:
    listing = Listing(title=HOSTILE, key_features=[HOSTILE], description=f"It is {HOSTILE}.", seo_keywords=[HOSTILE])
    product = KETTLE.model_copy(
        update={"product_name": HOSTILE, "features": [HOSTILE], "attributes": {HOSTILE: HOSTILE}}
    )
    report, proof = JUDGE.examine(product, listing)
    for html in (
        proof_html(listing, report.violations, proof, prefix="v1"),
        listing_html(listing),
        score_html(report),
        diff_html(listing, HONEST, (HOSTILE, HOSTILE)),
    ):
        assert "<img" not in html


def test_a_comparison_marks_the_words_that_differ() -> None:
    html = diff_html(Listing(title="An oak board"), Listing(title="A walnut board"), ("1", "2"))
    assert "<del>An</del> <del>oak</del> board" in html
    assert "<ins>A</ins> <ins>walnut</ins> board" in html
