"""What keeps the rules of a profile from being checked, each problem with its place and the remedy."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from string import Formatter

from walmart_pipeline.judge.policy.schema import RuleSetting
from walmart_pipeline.judge.rules import CHECKS, CONFIRMATIONS

FIELDS = ("title", "key_features", "description", "seo_keywords")
# What a message may print beside the limits.
MESSAGE_NAMES = frozenset({"evidence", "count", "source"})


def rule_problems(
    rules: Mapping[str, RuleSetting], word_lists: Collection[str], patterns: Collection[str], limit_names: Iterable[str]
) -> Iterator[str]:
    """Each problem as "rules.title.year.message: what is wrong: what to do"."""
    limits = set(limit_names)
    for rule, setting in rules.items():
        if setting.words or setting.patterns:
            if not setting.fields:
                yield f"rules.{rule}.fields: missing: name {', '.join(FIELDS)}"
        elif rule not in CHECKS:
            known = {*CHECKS, *CONFIRMATIONS}
            near = difflib.get_close_matches(rule, known, n=1) if rule not in known else []
            hint = f"did you mean {near[0]}?" if near else "give it `fields` and `words` or `patterns`"
            yield f"rules.{rule}: has no check: {hint}"
        for name in setting.words:
            if name not in word_lists:
                yield f"rules.{rule}.words: names {name}, which is not in word_lists: add it there"
        for name in setting.patterns:
            if name not in patterns:
                yield f"rules.{rule}.patterns: names {name}, which is not in patterns: add it there"
        yield from _unknown_names(f"rules.{rule}.message", setting.message, limits | MESSAGE_NAMES)
        for name, variant in setting.variants.items():
            yield from _unknown_names(f"rules.{rule}.variants.{name}", variant.message, limits | MESSAGE_NAMES)
        yield from _unknown_names(f"rules.{rule}.instruction", setting.instruction or "", limits)


def _unknown_names(where: str, text: str, allowed: set[str]) -> Iterator[str]:
    try:
        names = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
    except ValueError as error:
        yield f"{where}: an unpaired brace ({error}): double it to print it"
        return
    for name in sorted(names - allowed):
        yield f"{where}: asks for {{{name}}}: use one of {', '.join(sorted(allowed))}"
