"""Loads and validates policy profiles in YAML."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any, TypedDict

import yaml
from pydantic import ValidationError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.core.files import read_yaml
from walmart_pipeline.judge.policy.schema import Limits, Policy, RuleSetting
from walmart_pipeline.judge.rules import CHECKS, CONFIRMATIONS

FOLDER = Path(__file__).parent / "policy"
FIELDS = ("title", "key_features", "description", "seo_keywords")
# What a message may contain beside the limits.
MESSAGE_NAMES = frozenset({"evidence", "count", "source"})


class PolicyError(UserError, ValueError):
    """A profile is invalid. Each line of the message names the file, the field and the remedy."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class ProfileOutline(TypedDict):
    """A profile in plain JSON values. changed: limit to [value in the extended profile, value in this one]."""

    name: str
    version: str
    extends: str | None
    rules_on: list[str]
    rules_off: list[str]
    limits: dict[str, int]
    changed: dict[str, list[int]]


def available() -> list[str]:
    """Names of the profiles that ship with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name_or_path: str | Path) -> Policy:
    """The profile of that name, or in that YAML file, with everything it extends merged in.

    Mappings are merged key by key, lists and values replaced. `extends` names a shipped profile or a file beside it.
    Raises PolicyError.
    """
    path = _find(str(name_or_path), Path())
    content = _merged(path, ())
    problems: list[str] = []
    policy: Policy | None = None
    try:
        policy = Policy.model_validate(content)
    except ValidationError as error:
        problems = [problem for item in error.errors() for problem in _explained(item)]
    problems += _problems(content)
    if policy is None or problems:
        raise PolicyError(*(f"{path}: {problem}" for problem in dict.fromkeys(problems)))
    return policy


def extended(name_or_path: str | Path) -> str | None:
    """Name or path of the profile that this one extends, or None. Raises PolicyError."""
    path = _find(str(name_or_path), Path())
    base = _content(path).get("extends")
    if base is None or str(base) in available():
        return base
    return str(_find(str(base), path.parent))


def outline(name_or_path: str | Path) -> ProfileOutline:
    """Summary of the profile of that name or file. Raises PolicyError."""
    profile = load(name_or_path)
    base = extended(name_or_path)
    limits = profile.limits.model_dump()
    theirs = load(base).limits.model_dump() if base else limits
    return ProfileOutline(
        name=profile.name,
        version=profile.version,
        extends=base,
        rules_on=[rule for rule, setting in profile.rules.items() if setting.enabled],
        rules_off=[rule for rule, setting in profile.rules.items() if not setting.enabled],
        limits=limits,
        changed={name: [theirs[name], limit] for name, limit in limits.items() if theirs[name] != limit},
    )


def _find(name: str, folder: Path) -> Path:
    path = FOLDER / f"{name}.yaml" if name in available() else folder / name
    if not path.is_file():
        raise PolicyError(
            f"no policy profile {name}: use one of {', '.join(available())}, or the path of a YAML file that exists"
        )
    return path


def _merged(path: Path, below: tuple[Path, ...]) -> dict[str, Any]:
    resolved = path.resolve()
    if resolved in below:
        raise PolicyError(f"{path}: extends: the profile extends itself; remove one `extends`")
    content = _content(path)
    base = content.pop("extends", None)
    if base is None:
        return content
    return _merge(_merged(_find(str(base), path.parent), (*below, resolved)), content)


def _content(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PolicyError(f"{path}: not YAML in UTF-8 ({' '.join(str(error).split())}): correct the file") from error
    if not isinstance(content, dict):
        raise PolicyError(f"{path}: not a mapping: begin with `name:` and `extends:`")
    return content


def _merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = _merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def _problems(content: Mapping[str, Any]) -> list[str]:
    """Problems of the rules whose own fields are valid, even if other parts of the profile are not."""
    readable: dict[str, RuleSetting] = {}
    rules = content.get("rules")
    for rule, setting in rules.items() if isinstance(rules, Mapping) else ():
        try:
            readable[rule] = RuleSetting.model_validate(setting)
        except ValidationError:
            continue  # reported already, with its field
    word_lists, patterns = content.get("word_lists") or {}, content.get("patterns") or {}
    return list(_rule_problems(readable, word_lists, patterns, Limits.model_fields))


def _explained(error: Mapping[str, Any]) -> list[str]:
    where = ".".join(str(part) for part in error["loc"])
    remedy = {
        "extra_forbidden": "remove it or correct its spelling",
        "missing": "add it, or extend a profile that has it (`extends: walmart-2025`)",
    }.get(error["type"], "")
    message = str(error["msg"]).removeprefix("Value error, ")
    return [f"{where}: {line}" + (f": {remedy}" if remedy else "") if where else line for line in message.split("\n")]


def _rule_problems(
    rules: Mapping[str, RuleSetting], word_lists: Collection[str], patterns: Collection[str], limit_names: Iterable[str]
) -> Iterator[str]:
    """Each problem as "rules.title.year.message: problem: remedy"."""
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
