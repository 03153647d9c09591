"""Judges a listing against its product under one policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from walmart_pipeline.core.records import Band, Dimension, Listing, Product, QualityReport, Severity, Violation
from walmart_pipeline.judge import dimensions
from walmart_pipeline.judge.claims import ListingText, Proof, Subject, UncertainStatement, proof, support
from walmart_pipeline.judge.policy.schema import Policy, TextField
from walmart_pipeline.judge.rules import CHECKS, Case, Finding
from walmart_pipeline.judge.rules.base import Check
from walmart_pipeline.judge.rules.wording import Wording
from walmart_pipeline.judge.writing import stars

# The official bands of Walmart's listing quality: Poor 0–59, Good 60–79, Excellent 80–100.
GOOD_FROM, EXCELLENT_FROM = 60.0, 80.0
# A blocking violation makes a listing poor, whatever its other scores.
BLOCKED_AT_MOST = 59.0
GROUNDING = "grounding."
TEXT_FIELDS: tuple[TextField, ...] = ("title", "key_features", "description")


def source_listing(product: Product) -> Listing:
    """The record's own text as a listing, to compare a new one with."""
    return Listing(title=product.product_name, key_features=product.features, description=product.description)


class Grade(NamedTuple):
    """Score, band, and whether it may be published."""

    score: float
    band: Band
    publishable: bool


class Judge:
    """Judges under one policy. Word lists and patterns are compiled once, so make one and keep it.

    writing: another model of writing than the one that ships with the package. cross_encoder: let it read what
    is not surely true, which takes 50 times as long.
    """

    def __init__(self, policy: Policy, writing: stars.Writing | None = None, *, cross_encoder: bool = False) -> None:
        self.policy = policy
        self.cross_encoder = cross_encoder
        rules = {rule: setting for rule, setting in policy.rules.items() if setting.enabled}
        self._rules = rules
        self._order = {rule: place for place, rule in enumerate(rules)}
        checks = {rule: CHECKS[rule] for rule in rules if rule in CHECKS}
        self._checks = {rule: check for rule, check in checks.items() if not rule.startswith(GROUNDING)}
        self._grounding_checks = {rule: check for rule, check in checks.items() if rule.startswith(GROUNDING)}
        self._subjects = {subject for subject in get_args(Subject) if f"grounding.{subject}" in rules}
        self._weights = [(name, weight.weight) for name, weight in policy.dimensions.items()]
        self._label = policy.label
        self._messages: Mapping[str, int] = policy.limits.model_dump()
        self._acronyms = frozenset(entry.phrase.lower() for entry in policy.word_lists.get("acronyms", ()))
        self._wording = Wording(policy)
        self._writing = writing

    def report(self, product: Product, listing: Listing) -> QualityReport:
        """The quality report of a listing by itself; the same input always gives the same report.

        Uniqueness is not measured: see `walmart_pipeline.judge.score` for listings among each other.
        """
        return self.judge(self.case(product, listing), None)

    def examine(self, product: Product, listing: Listing) -> tuple[QualityReport, Proof]:
        """The quality report, and the passages of the record that each statement rests on."""
        case = self.case(product, listing)
        return self.judge(case, None), proof(case.examination)

    def uncertain(self, product: Product, listing: Listing) -> list[UncertainStatement]:
        """The statements of a listing that are probably false, but not surely enough to block it."""
        examination = self.case(product, listing).examination
        if self.cross_encoder:
            examination.read_open()
        return examination.uncertain()

    def case(self, product: Product, listing: Listing) -> Case:
        """Input of the checks."""
        return Case(listing, product, self.policy.limits, self._acronyms)

    def judge(self, case: Case, uniqueness: float | None) -> QualityReport:
        """The quality report of a case, given its uniqueness."""
        findings = [*self._found(case, self._checks), *self._wording.findings(case.listing_text, case.product)]
        # The encoder takes 50 times as long as all the rest: a text that is blocked anyway is not read.
        if self.cross_encoder and not any(self._severity(*found) == "blocking" for found in findings):
            case.examination.read_open()
        findings += self._found(case, self._grounding_checks)
        violations = self._violations(case, findings)
        measured = self._dimensions(case, violations) | {"uniqueness": uniqueness}
        blocked = any(violation.severity == "blocking" for violation in violations)
        grade = Grade(0.0, band(0.0), False) if case.is_empty else self.grade(measured, blocked=blocked)
        return QualityReport(
            product_id=case.product.product_id,
            **grade._asdict(),
            dimensions=measured,
            violations=violations,
            policy=self._label,
        )

    def with_uniqueness(self, report: QualityReport, uniqueness: float | None) -> QualityReport:
        """The report of the same text among others, or by itself (None)."""
        if report.dimensions["uniqueness"] == uniqueness:
            return report
        measured = report.dimensions | {"uniqueness": uniqueness}
        blocked = any(violation.severity == "blocking" for violation in report.violations)
        return report.model_copy(update={"dimensions": measured, **self.grade(measured, blocked=blocked)._asdict()})

    def grade(self, measured: Mapping[Dimension, float | None], *, blocked: bool) -> Grade:
        """Score, band and publishability for these dimensions. blocked: the listing breaks a blocking rule."""
        score = self._score(measured, blocked=blocked)
        return Grade(score, band(score), not blocked and score >= self.policy.publishable_score)

    def acceptable(self, field: TextField, text: str, product: Product) -> bool:
        """Whether a single sentence or feature breaks none of the word-list and pattern rules of that field."""
        return next(self._broken(field, text, product), None) is None

    def broken_by(self, text: str, product: Product) -> list[str]:
        """The word-list and pattern rules that a phrase breaks by itself, in any field."""
        return list(dict.fromkeys(rule for field in TEXT_FIELDS for rule in self._broken(field, text, product)))

    def _broken(self, field: TextField, text: str, product: Product) -> Iterator[str]:
        if field not in TEXT_FIELDS:
            raise ValueError(f"no rules for the field {field}: use one of {', '.join(TEXT_FIELDS)}")
        return (rule for rule, _ in self._wording.findings(ListingText([(field, text)]), product))

    def _found(self, case: Case, checks: Mapping[str, Check]) -> list[tuple[str, Finding]]:
        return [(rule, finding) for rule, check in checks.items() for finding in check(case)]

    def _severity(self, rule: str, finding: Finding) -> Severity:
        setting = self._rules[rule]
        variant = setting.variants.get(finding.variant) if finding.variant else None
        return (variant and variant.severity) or setting.severity

    def _violations(self, case: Case, findings: Sequence[tuple[str, Finding]]) -> list[Violation]:
        """The violations of these findings, in the profile's order."""
        if not findings:
            return []
        text_of = {"listing": "", **dict(case.listing_text.fields)}
        violations = [
            self._violation(rule, finding, text_of[finding.field])
            for rule, finding in sorted(findings, key=lambda found: self._order[found[0]])
        ]
        # The same words in the same field are reported once.
        return list(
            {(violation.rule, violation.field, violation.evidence): violation for violation in violations}.values()
        )

    def _violation(self, rule: str, finding: Finding, text: str) -> Violation:
        setting = self._rules[rule]
        evidence = text[finding.start : finding.end]
        message = setting.message
        if finding.variant is not None and (variant := setting.variants.get(finding.variant)) is not None:
            message = variant.message
        values = {"count": "", "source": "", **self._messages, **finding.values, "evidence": evidence}
        return Violation(
            rule=rule,
            severity=self._severity(rule, finding),
            field=finding.field,
            evidence=evidence,
            message=message.format_map(values),
        )

    def _dimensions(self, case: Case, violations: list[Violation]) -> dict[Dimension, float | None]:
        claims = [claim for claim in case.claims if claim.subject in self._subjects]
        written = [violation for violation in violations if violation.rule.startswith("writing.")]
        others = [violation for violation in violations if not violation.rule.startswith(("grounding.", "writing."))]
        measures: dict[Dimension, float | None] = {
            "compliance": self._after_penalties(others),
            "grounding": support(claims),
            "writing": min((self._writing or stars.shipped()).measure(case), self._after_penalties(written)),
            **dimensions.measures(case),
        }
        return {name: None if value is None else round(value, 1) for name, value in measures.items()}

    def _after_penalties(self, violations: list[Violation]) -> float:
        return max(0.0, 100.0 - sum(self.policy.penalties[violation.severity] for violation in violations))

    def _score(self, measured: Mapping[Dimension, float | None], *, blocked: bool) -> float:
        """Weighted mean of the measured dimensions, rounded to one decimal so that the band matches what is shown."""
        total = score = 0.0
        for name, weight in self._weights:
            if (value := measured[name]) is not None:
                total += weight
                score += weight * value
        score = score / total if total else 0.0
        return round(min(score, BLOCKED_AT_MOST) if blocked else score, 1)


def band(score: float) -> Band:
    """The band of a score that is rounded to one decimal."""
    return "excellent" if score >= EXCELLENT_FROM else "good" if score >= GOOD_FROM else "poor"
