"""The judge: a listing beside its product, under one policy, gives a quality report.

Belongs here: running the checks, the score and the verdict. Does not: any rule, weight or word list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from walmart_pipeline.quality import dimensions, texts
from walmart_pipeline.quality.phrases import PhraseSearch
from walmart_pipeline.quality.policy import Policy, TextField
from walmart_pipeline.quality.rules import CHECKS, Case, Finding
from walmart_pipeline.records import Band, Dimension, Listing, Product, QualityReport, Violation

# The official bands of Walmart's listing quality: Poor 0–59, Good 60–79, Excellent 80–100.
GOOD_FROM, EXCELLENT_FROM = 60.0, 80.0
# A blocking violation leaves a listing poor, whatever the rest is worth.
BLOCKED_AT_MOST = 59.0
TEXT_FIELDS: tuple[TextField, ...] = ("title", "key_features", "description")


def source_listing(product: Product) -> Listing:
    """The record's own text as a listing, to compare a new one with."""
    return Listing(title=product.product_name, key_features=product.features, description=product.description)


class Judge:
    """Judges under one policy. Word lists and patterns are compiled once, so make one and keep it."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        rules = {rule: setting for rule, setting in policy.rules.items() if setting.enabled}
        self._rules = rules
        self._order = {rule: place for place, rule in enumerate(rules)}
        self._checks = {rule: CHECKS[rule] for rule in rules if rule in CHECKS}
        self._messages: Mapping[str, int] = policy.limits.model_dump()
        self._acronyms = frozenset(entry.phrase.lower() for entry in policy.word_lists.get("acronyms", ()))
        self._phrases = {
            field: PhraseSearch(
                (rule, entry)
                for rule, setting in rules.items()
                if field in setting.fields
                for name in setting.words
                for entry in policy.word_lists[name]
            )
            for field in TEXT_FIELDS
        }
        self._patterns = {
            field: [
                (rule, re.compile(policy.patterns[name].regex), policy.patterns[name])
                for rule, setting in rules.items()
                if field in setting.fields
                for name in setting.patterns
            ]
            for field in TEXT_FIELDS
        }

    def report(self, product: Product, listing: Listing) -> QualityReport:
        """The quality report of a listing; the same input always gives the same report."""
        case = Case(listing, product, self.policy.limits, self._acronyms)
        violations = self._violations(case)
        blocked = any(violation.severity == "blocking" for violation in violations)
        measured = self._dimensions(case, violations)
        score = 0.0 if case.is_empty else self._score(measured, blocked=blocked)
        return QualityReport(
            product_id=product.product_id,
            score=score,
            band=band(score),
            publishable=not blocked and score >= self.policy.publishable_score,
            dimensions=measured,
            violations=violations,
            policy=self.policy.label,
        )

    def acceptable(self, field: TextField, text: str, product: Product) -> bool:
        """Whether a single sentence or feature breaks none of the word-list and pattern rules of that field."""
        if field not in TEXT_FIELDS:
            raise ValueError(f"no rules for the field {field}: use one of {', '.join(TEXT_FIELDS)}")
        return next(self._listed(field, field, text, texts.folded(product.brand or "")), None) is None

    def _violations(self, case: Case) -> list[Violation]:
        text_of = {"listing": "", **dict(case.fields)}
        found: list[tuple[int, Violation]] = []
        for rule, check in self._checks.items():
            for finding in check(case):
                found.append((self._order[rule], self._violation(rule, finding, text_of[finding.field])))
        brand = texts.folded(case.product.brand or "")
        for name, text in case.fields:
            for rule, finding in self._listed(field_of(name), name, text, brand):
                found.append((self._order[rule], self._violation(rule, finding, text)))
        found.sort(key=lambda item: item[0])
        # The same words in the same field are told once, however often they are there.
        return list(
            {(violation.rule, violation.field, violation.evidence): violation for _, violation in found}.values()
        )

    def _violation(self, rule: str, finding: Finding, text: str) -> Violation:
        setting = self._rules[rule]
        evidence = text[finding.start : finding.end]
        message, severity = setting.message, setting.severity
        if finding.variant is not None and (variant := setting.variants.get(finding.variant)) is not None:
            message, severity = variant.message, variant.severity or severity
        values = {"count": "", "source": "", **self._messages, **finding.values, "evidence": evidence}
        return Violation(
            rule=rule,
            severity=severity,
            field=finding.field,
            evidence=evidence,
            message=message.format_map(values),
        )

    def _listed(self, field: TextField, name: str, text: str, brand: str) -> Iterator[tuple[str, Finding]]:
        """Findings of the rules that are made of words and patterns, save what belongs to the product's own brand."""
        folded = texts.folded(text)
        for rule, start, end in self._phrases[field].find(text, folded):
            if not (brand and _within_words(folded[start:end], brand)):
                yield rule, Finding(name, start, end)
        for rule, regex, pattern in self._patterns[field]:
            if pattern.beyond_ascii and text.isascii():
                continue
            if pattern.needs and not any(literal in folded for literal in pattern.needs):
                continue
            for match in regex.finditer(text):
                if not (brand and _inside(match.span(), brand, folded)):
                    yield rule, Finding(name, *match.span())

    def _dimensions(self, case: Case, violations: list[Violation]) -> dict[Dimension, float | None]:
        grounding = [violation for violation in violations if violation.rule.startswith("grounding.")]
        compliance = [violation for violation in violations if not violation.rule.startswith("grounding.")]
        measures: dict[Dimension, float | None] = {
            "compliance": self._after_penalties(compliance),
            # A text without a figure was not tested.
            "grounding": self._after_penalties(grounding) if case.claims else None,
            "coverage": dimensions.coverage(case),
            "readability": dimensions.readability(case),
            "search": dimensions.search(case),
            "uniqueness": None,
        }
        return {name: None if value is None else round(value, 1) for name, value in measures.items()}

    def _after_penalties(self, violations: list[Violation]) -> float:
        return max(0.0, 100.0 - sum(self.policy.penalties[violation.severity] for violation in violations))

    def _score(self, measured: Mapping[Dimension, float | None], *, blocked: bool) -> float:
        """Weighted mean of the measured dimensions, to one decimal: the band is that of the figure shown."""
        parts = [
            (weight.weight, value)
            for name, weight in self.policy.dimensions.items()
            if (value := measured[name]) is not None
        ]
        total = sum(weight for weight, _ in parts)
        score = sum(weight * value for weight, value in parts) / total if total else 0.0
        return round(min(score, BLOCKED_AT_MOST) if blocked else score, 1)


def band(score: float) -> Band:
    """The band of a score that is rounded to one decimal."""
    return "excellent" if score >= EXCELLENT_FROM else "good" if score >= GOOD_FROM else "poor"


def field_of(name: str) -> TextField:
    """The kind of a field: key_features[3] is a key_features."""
    return "key_features" if name.startswith("key_features") else "title" if name == "title" else "description"


def _within_words(words: str, brand: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", brand) is not None


def _inside(span: tuple[int, int], brand: str, folded: str) -> bool:
    start = folded.find(brand)
    while start != -1:
        if start <= span[0] and span[1] <= start + len(brand):
            return True
        start = folded.find(brand, start + 1)
    return False
