"""Reads policy profiles from YAML."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from walmart_pipeline.core.errors import UserError
from walmart_pipeline.judge.policy.schema import Limits, Policy, RuleSetting
from walmart_pipeline.judge.profile_problems import rule_problems

FOLDER = Path(__file__).parent / "policy"


class PolicyError(UserError, ValueError):
    """A profile cannot be used. Each problem, a line of the message, names the file, the field and what to do."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


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
    problems += _rule_problems(content)
    if policy is None or problems:
        raise PolicyError(*(f"{path}: {problem}" for problem in dict.fromkeys(problems)))
    return policy


def extended(name_or_path: str | Path) -> str | None:
    """The profile that this one extends, as `load` takes it; None where it stands alone. Raises PolicyError."""
    path = _find(str(name_or_path), Path())
    base = _content(path).get("extends")
    if base is None or str(base) in available():
        return base
    return str(_find(str(base), path.parent))


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
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
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


def _rule_problems(content: Mapping[str, Any]) -> list[str]:
    """What is wrong with those rules whose own fields are valid, whatever the state of the rest of the profile."""
    readable: dict[str, RuleSetting] = {}
    rules = content.get("rules")
    for rule, setting in rules.items() if isinstance(rules, Mapping) else ():
        try:
            readable[rule] = RuleSetting.model_validate(setting)
        except ValidationError:
            continue  # reported already, with its field
    word_lists, patterns = content.get("word_lists") or {}, content.get("patterns") or {}
    return list(rule_problems(readable, word_lists, patterns, Limits.model_fields))


def _explained(error: Mapping[str, Any]) -> list[str]:
    where = ".".join(str(part) for part in error["loc"])
    remedy = {
        "extra_forbidden": "remove it or correct its spelling",
        "missing": "add it, or extend a profile that has it (`extends: walmart-2025`)",
    }.get(error["type"], "")
    message = str(error["msg"]).removeprefix("Value error, ")
    return [f"{where}: {line}" + (f": {remedy}" if remedy else "") if where else line for line in message.split("\n")]
