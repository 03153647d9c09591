"""Reads rows of a training_data.json into the published schema, with repairs, and reports every flaw."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from walmart_pipeline.core.records import ExampleInput, ExampleMetadata, ExampleOutput, Record, TrainingExample
from walmart_pipeline.generation import prompt
from walmart_pipeline.text import tokenizer

Raw: TypeAlias = Mapping[str, Any]

_KNOWN = {
    "": set(TrainingExample.model_fields),
    "input.": set(ExampleInput.model_fields),
    "output.": set(ExampleOutput.model_fields),
    "metadata.": set(ExampleMetadata.model_fields),
}
_TAG = re.compile(r"</?(?:ul|ol|li|br|p)\b[^>]*>", re.IGNORECASE)
# A dash is a bullet only before a blank: -20 °C is a figure.
_BULLET = re.compile(r"^\s*(?:[*•·‣▪●○◦■✓✔➤]+\s*|[-+–—]\s+)(?=\S)")
_INLINE_BULLET = re.compile(r"\s*[•‣▪●■✓✔➤]\s*")
_NUMBER = re.compile(r"^\s*\(?(\d{1,2})[.):]\s+")


class Flaw(Record):
    """A flaw of a row. kind: for counting; detail: location and value."""

    kind: str
    detail: str


class ReadExample(NamedTuple):
    """The example of a row, None if it is unusable, and its flaws."""

    example: TrainingExample | None
    flaws: list[Flaw]


class _UnusableError(Exception):
    """An unusable row."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(detail)
        self.flaw = Flaw(kind=kind, detail=detail)


def read(raw: object, *, description_min_words: int, now: datetime) -> ReadExample:
    """Read one row, whatever its contents, without raising.

    description_min_words: the policy's limit; a shorter description is a flaw. now: the default timestamp.
    """
    flaws: list[Flaw] = []
    if not isinstance(raw, Mapping):
        return ReadExample(None, [Flaw(kind="wrong type", detail=f"the row is {_type(raw)}, not an object")])
    try:
        example = _example(raw, flaws, now)
    except _UnusableError as error:
        return ReadExample(None, [*flaws, error.flaw])
    words = len(tokenizer.words(example.output.description))
    if words < description_min_words:
        flaws.append(
            Flaw(kind="short description", detail=f"{words} words, the policy asks for {description_min_words}")
        )
    return ReadExample(example, flaws)


def _example(raw: Raw, flaws: list[Flaw], now: datetime) -> TrainingExample:
    request, output = (_section(raw, name) for name in ("input", "output"))
    metadata = raw.get("metadata")
    if not isinstance(metadata, Mapping):
        flaws.append(_missing("metadata", metadata))
        metadata = {}
    for where, given in (("", raw), ("input.", request), ("output.", output), ("metadata.", metadata)):
        unknown = [name for name in given if name not in _KNOWN[where]]
        flaws += [Flaw(kind="unknown field", detail=f"{where}{name}") for name in unknown]
    return TrainingExample(
        timestamp=_timestamp(raw.get("timestamp"), flaws, now),
        input=_input(request, flaws),
        output=_output(output, flaws),
        metadata=_metadata(metadata, flaws),
    )


def _section(raw: Raw, name: str) -> Raw:
    section = raw.get(name)
    if not isinstance(section, Mapping):
        flaw = _missing(name, section)
        raise _UnusableError(flaw.kind, flaw.detail)
    return section


def _input(given: Raw, flaws: list[Flaw]) -> ExampleInput:
    name = _text(given.get("product_name"), "input.product_name")
    if not name:
        raise _UnusableError("missing field", "input.product_name")
    category = given.get("category")
    if isinstance(category, list):
        category = " > ".join(_text(part, "input.category") for part in category)
        flaws.append(Flaw(kind="normalised", detail="input.category was a list"))
    preferences = given.get("user_preferences")
    if preferences is not None and not isinstance(preferences, Mapping):
        flaws.append(Flaw(kind="wrong type", detail=f"input.user_preferences: {_type(preferences)}, left out"))
        preferences = None
    return ExampleInput(
        product_name=name,
        features=_list(given.get("features"), "input.features", flaws, divider="\n"),
        category=_text(category, "input.category"),
        user_preferences={
            _clean(str(key)): _text(value, f"input.user_preferences.{key}")
            for key, value in (preferences or {}).items()
        },
    )


def _output(output: Raw, flaws: list[Flaw]) -> ExampleOutput:
    title = _text(output.get("title"), "output.title")
    description = _text(output.get("description"), "output.description", keep_paragraphs=True)
    features = _features(output.get("features_formatted"), flaws)
    if empty := [name for name, text in (("title", title), ("description", description)) if not text]:
        raise _UnusableError("empty output", ", ".join(f"output.{name}" for name in empty))
    if not features:
        flaws.append(Flaw(kind="missing field", detail="output.features_formatted"))
    return ExampleOutput(
        title=title,
        features_formatted="\n".join(features),
        description=description,
        seo_keywords=_list(output.get("seo_keywords"), "output.seo_keywords", flaws, divider=","),
    )


def _metadata(metadata: Raw, flaws: list[Flaw]) -> ExampleMetadata:
    rating = metadata.get("user_rating")
    if rating is not None and not (_is_number(rating) and 1 <= rating <= 5):
        flaws.append(Flaw(kind="wrong type", detail=f"metadata.user_rating: {rating!r} is not 1 to 5, left out"))
        rating = None
    numbers = {name: metadata.get(name) for name in ("generation_time", "quality_score")}
    for name, value in numbers.items():
        if not _is_number(value):
            flaws.append(_missing(f"metadata.{name}", value))
            numbers[name] = 0.0
    return ExampleMetadata(model_used=str(metadata.get("model_used") or "unknown"), user_rating=rating, **numbers)


def _features(given: object, flaws: list[Flaw]) -> list[str]:
    if isinstance(given, list):
        flaws.append(Flaw(kind="normalised", detail="output.features_formatted was a list"))
        given = "\n".join(_text(item, "output.features_formatted") for item in given)
    lines = prompt.lines(_TAG.sub("\n", _text(given, "output.features_formatted", keep_paragraphs=True)).split("\n"))
    found = [part for line in lines for part in prompt.lines(_INLINE_BULLET.split(line))]
    found = [_BULLET.sub("", line) for line in found]
    numbered = [match for line in found if (match := _NUMBER.match(line))]
    # A numbered list: 1, 2, 3. A single line that begins with a number is a fact.
    if len(numbered) == len(found) > 1 and numbered[0].group(1) == "1":
        found = [_NUMBER.sub("", line) for line in found]
    if isinstance(given, str) and found != prompt.lines(given.split("\n")):
        flaws.append(Flaw(kind="normalised", detail="output.features_formatted had bullets, numbers or tags"))
    return [line for line in found if line]


def _list(given: object, where: str, flaws: list[Flaw], *, divider: str) -> list[str]:
    if given is None:
        flaws.append(Flaw(kind="missing field", detail=where))
        return []
    if isinstance(given, str):
        flaws.append(Flaw(kind="normalised", detail=f"{where} was one text"))
        given = given.split(divider)
    if not isinstance(given, list):
        raise _UnusableError("wrong type", f"{where}: {_type(given)}, not a list of texts")
    return prompt.lines(_text(item, where) for item in given)


def _text(given: object, where: str, *, keep_paragraphs: bool = False) -> str:
    if given is None:
        return ""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        raise _UnusableError("wrong type", f"{where}: {_type(given)}, not a text")
    text = _clean(str(given)).strip()
    return text if keep_paragraphs else " ".join(text.split())


def _clean(text: str) -> str:
    """Replace lone surrogates, which can't be encoded."""
    return text.encode("utf-8", "replace").decode()


def _timestamp(given: object, flaws: list[Flaw], now: datetime) -> datetime:
    try:
        read_as = datetime.fromisoformat(str(given))
    except ValueError:
        flaws.append(_missing("timestamp", given))
        return now
    return read_as if read_as.tzinfo else read_as.replace(tzinfo=now.tzinfo)


def _missing(where: str, given: object) -> Flaw:
    return (
        Flaw(kind="missing field", detail=where)
        if given is None
        else Flaw(kind="wrong type", detail=f"{where}: {given!r:.80}")
    )


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < float("inf")


def _type(given: object) -> str:
    names = {type(None): "missing", bool: "true or false", str: "a text", list: "a list", dict: "an object"}
    return names.get(type(given), "a number")
