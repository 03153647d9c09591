"""Divides the items of a feed into files within Walmart's limits, without splitting a group of variants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple


class PackedItem(NamedTuple):
    """An item of the feed. group: of variants; None if it has none. bytes: in the file, with its separator."""

    product_id: str
    group: str | None
    bytes: int


class FileLimits(NamedTuple):
    """Limits of one file; `bytes` is what is left for items, without the file's header."""

    items: int
    bytes: int


@dataclass
class _File:
    items: list[PackedItem] = field(default_factory=list)
    bytes: int = 0

    def takes(self, members: list[PackedItem], limits: FileLimits) -> bool:
        size = sum(member.bytes for member in members)
        return len(self.items) + len(members) <= limits.items and self.bytes + size <= limits.bytes

    def add(self, members: list[PackedItem]) -> None:
        self.items += members
        self.bytes += sum(member.bytes for member in members)


class Packed(NamedTuple):
    """Files of items, and the groups that fit into no file."""

    files: list[list[PackedItem]]
    too_large: list[list[PackedItem]]


def pack(items: Iterable[PackedItem], limits: FileLimits) -> Packed:
    """Divide items into files: each unit, a group or a single item, goes into the first file that has room for it.

    The same items in the same order give the same files.
    """
    files: list[_File] = []
    too_large: list[list[PackedItem]] = []
    for members in _units(items):
        if not _File().takes(members, limits):
            too_large.append(members)
            continue
        target = next((file for file in files if file.takes(members, limits)), None)
        if target is None:
            target = _File()
            files.append(target)
        target.add(members)
    return Packed([file.items for file in files], too_large)


def _units(items: Iterable[PackedItem]) -> list[list[PackedItem]]:
    units: dict[tuple[str, str], list[PackedItem]] = {}
    for item in items:
        key = ("item", item.product_id) if item.group is None else ("group", item.group)
        units.setdefault(key, []).append(item)
    return list(units.values())
