"""Attributes of a record as values of Walmart's item spec: numbers, measures, lists and values of a closed list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from walmart_pipeline.stages.delivery.item_specs import Schema, problems, validator
from walmart_pipeline.text.units import Unit, units_named

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

_NUMBER = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?")
_MEASURE = re.compile(rf"({_NUMBER.pattern})(\s*)([^\d\s].*)")
_YES_NO = {"true": "yes", "false": "no", "y": "yes", "n": "no"}


class Fitted(NamedTuple):
    """Values by property of the schema, and why others of the record's attributes were omitted."""

    values: dict[str, Any]
    omitted: list[str]


class AttributeFitter:
    """Finds the properties of a schema that take a record's attributes.

    names: attribute to property, where neither the property's name nor its title is the attribute's.
    """

    def __init__(self, schema: Schema, names: Mapping[str, str]) -> None:
        self._properties: Schema = schema.get("properties", {})
        self._names = {key: name for name, stated in self._properties.items() for key in _keys(name, stated)}
        self._names |= {_key(attribute): name for attribute, name in names.items() if name in self._properties}
        self._validators: dict[str, Validator] = {}

    def fit(self, attributes: Mapping[str, str]) -> Fitted:
        """The attributes as values. One that its property does not allow is omitted; of two the first stands."""
        values: dict[str, Any] = {}
        omitted: list[str] = []
        for attribute, text in attributes.items():
            name = self._names.get(_key(attribute))
            if name is None or name in values:
                continue
            value = _value(text, self._properties[name])
            unfit = ["no such value"] if value is None else problems(self._validator(name), value, name)
            if unfit:
                omitted.append(f"{attribute} = {text}: {unfit[0]}")
            else:
                values[name] = value
        return Fitted(values, omitted)

    def _validator(self, name: str) -> Validator:
        if name not in self._validators:
            self._validators[name] = validator(self._properties[name])
        return self._validators[name]


def _keys(name: str, stated: Schema) -> Iterator[str]:
    yield _key(name)
    if title := stated.get("title"):
        yield _key(title)


def _key(name: str) -> str:
    """The letters and digits of a name: colorCategory, color_category and Color Category are the same."""
    return "".join(character for character in name.lower() if character.isalnum())


def _value(text: str, stated: Schema) -> Any:
    """The text as the property's type; None if it can't be."""
    if "enum" in stated:
        return _of_list(text, stated["enum"])
    match stated.get("type"):
        case "string":
            return text
        case "number" | "integer":
            return _number(text) if _NUMBER.fullmatch(text.strip()) else None
        case "boolean":
            return {"yes": True, "no": False}.get(_plain(text))
        case "array":
            items = [_value(part.strip(), stated.get("items", {"type": "string"})) for part in re.split(r"[;|]", text)]
            return None if None in items else items
        case "object" if {"measure", "unit"} <= stated.get("properties", {}).keys():
            return _measure(text, stated["properties"]["unit"].get("enum", []))
        case _:
            return None


def _of_list(text: str, allowed: list[Any]) -> Any:
    return next((value for value in allowed if _plain(str(value)) == _plain(text)), None)


def _plain(text: str) -> str:
    lower = text.strip().lower()
    return _YES_NO.get(lower, lower)


def _number(text: str) -> float | int:
    value = float(text.strip().replace(",", ""))
    return int(value) if value.is_integer() else value


def _measure(text: str, units: list[str]) -> dict[str, Any] | None:
    """A number with its unit, in the spec's spelling of that unit; amounts are not converted."""
    found = _MEASURE.fullmatch(text.strip())
    if not found:
        return None
    number, space, name = found.groups()
    same = [unit for unit in units if unit.lower() == name.strip().lower()]
    meant = _units(name.strip(), glued=not space)
    same += [unit for unit in units if meant & _units(unit, glued=False)]
    return {"measure": _number(number), "unit": same[0]} if same else None


def _units(name: str, *, glued: bool) -> set[Unit]:
    return set(units_named(name, glued=glued))
