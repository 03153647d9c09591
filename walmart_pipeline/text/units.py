"""Units of measure in all spellings."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from walmart_pipeline.core.files import read_yaml


class Unit(NamedTuple):
    """A unit of a kind: value · factor + offset is the amount in the kind's base unit."""

    kind: str
    factor: float = 1.0
    offset: float = 0.0


def _units() -> tuple[dict[str, tuple[Unit, ...]], list[str]]:
    """The units by each of their names, and the nouns that are counted."""
    content = read_yaml(Path(__file__).parent / "units.yaml")
    nouns = content["counted_nouns"].split()
    table: dict[str, tuple[Unit, ...]] = {}
    for kind, factor, names, *offset in content["units"]:
        for name in names.split("|"):
            table[name] = (*table.get(name, ()), Unit(kind, factor, *offset))
    for noun in nouns:
        for name in (noun, f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"):
            table[name] = (*table.get(name, ()), Unit(noun))
    for noun in ("box", "pouch", "switch"):
        table[f"{noun}es"] = table[noun]
    table["shelves"] = table["shelf"]
    table["thread"] = table["thread count"] = (Unit("thread count"),)
    return table, nouns


UNITS, COUNTED_NOUNS = _units()
COUNTS = frozenset({"pack", *COUNTED_NOUNS})
# Letters that are no unit in this case: 10 A is amperes and "2 a day" is not; 5G is no gram.
ONE_CASE = frozenset("GMTasSkcfHDNBE")
# Units only without a space: 2x, 4K; 20 C is a bra size.
GLUED = frozenset("CFKxph")


@lru_cache(maxsize=4096)
def units_named(text: str, *, glued: bool) -> tuple[Unit, ...]:
    """The units of that name: several if ambiguous (an ounce of mass or of volume), none for another word.

    glued: whether it follows the number without a space.
    """
    if text in ONE_CASE or (text in GLUED and not glued) or text == "X":
        return ()
    plain = " ".join(text.replace(".", "").lower().replace("° ", "°").split())
    return UNITS.get(text) or UNITS.get(plain) or ()
