"""Text and values of a feed, mended: what any column may need.

Belongs here: one value in, one clean value or a reason out. Does not: which column it came from (columns.py).
"""

from __future__ import annotations

import ast
import html
import json
import math
import re
from collections.abc import Iterator
from typing import Any

TAG = re.compile(r"<(?:[a-zA-Z][^<>]*|/[a-zA-Z][^<>]*|!--.*?--)>", re.DOTALL)
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
INVISIBLE = re.compile(
    r"[\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\ufffe\uffff\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]"
)
SPACES = re.compile(r"[^\S\n]+")
BLANK_LINES = re.compile(r"\n{3,}")
BULLET = re.compile(r"^[\s•●▪◦‣∙·✓✔➤►*–—-]+(?=\S)")
IN_LINE_BULLETS = re.compile(r"\s*[•●▪◦‣➤►✓✔]\s*|\s+\|\s+|\n+")
AMOUNT = re.compile(r"[^\d-]*(-?) *(\d[\d.,' ]*)\D*")
NAMED_VALUE = re.compile(r"^\s*([A-Za-z][\w /()&'-]{0,48}?)\s*[:=]\s*(\S.*)$")

# Elements that end a line of text: what HTML's default style sheet shows as a block.
BLOCKS = re.compile(
    "address|article|aside|blockquote|br|dd|div|dl|dt|fieldset|figure|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre"
    "|section|table|tr|ul"
)
UNSHOWN = frozenset(("script", "style", "template", "noscript", "head", "title", "-comment"))


def text(value: Any) -> str:
    """One value as clean text: mojibake and entities mended, HTML to lines, white space folded, invisibles dropped.

    Paragraphs and list items stand on lines of their own; a blank line divides paragraphs.
    """
    import ftfy

    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(filter(None, map(text, value)))
    raw = str(value)
    if not raw.isascii():
        raw = ftfy.fix_text(raw, unescape_html=False)
    # Twice: feeds that passed through two systems carry `&amp;lt;`.
    for _ in range(2):
        if TAG.search(raw):
            raw = html_text(raw)
        elif ENTITY.search(raw):
            raw = html.unescape(raw)
    raw = INVISIBLE.sub("", raw.replace("\r\n", "\n").replace("\r", "\n"))
    lines = (SPACES.sub(" ", line).strip() for line in raw.split("\n"))
    return BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def line(value: Any) -> str:
    """As `text`, on one line."""
    return " ".join(text(value).split())


def html_text(markup: str) -> str:
    """What a browser would show, each block and each list item on a line of its own."""
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(markup).body
    if body is None:
        return ""
    parts: list[str] = []

    def walk(node: Any) -> None:
        tag = node.tag
        if tag == "-text":
            # Line breaks in the markup are only spaces on the page.
            parts.append(re.sub(r"\s+", " ", node.text(deep=False)))
        if tag in UNSHOWN:
            return
        block = bool(BLOCKS.fullmatch(tag))
        if block:
            parts.append("\n")
        child = node.child
        while child is not None:
            walk(child)
            child = child.next
        if block:
            parts.append("\n")
        elif tag in ("td", "th"):
            parts.append(" ")

    walk(body)
    return re.sub(r" *\n[ \n]*", "\n", "".join(parts)).strip()


def parsed(value: Any) -> Any:
    """A list or mapping that stands in a string (`['A']`, `["A","B"]`, `{"a": 1}`) as what it is; else the value."""
    if not isinstance(value, str):
        return value
    stripped = value.strip()
    if not stripped or stripped[0] + stripped[-1] not in ("[]", "{}"):
        return value
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        try:
            found = ast.literal_eval(stripped)
        # MemoryError: Python's word for an expression that is nested too deeply.
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            return value
    return found if isinstance(found, list | dict) else value


def items(value: Any) -> list[str]:
    """A list of short texts: from a list, a list in a string, an HTML list, lines, bullets or ` | `. Repeats go."""
    value = parsed(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        found: Iterator[str] = (line(item) for item in value)
    else:
        found = (line(part) for part in IN_LINE_BULLETS.split(text(value)))
    return list(dict.fromkeys(filter(None, (BULLET.sub("", item) for item in found))))


def path(value: Any) -> list[str]:
    """A category path, broad to narrow: from a list, or a text divided by `>`, `/`, `|` or `»`."""
    value = parsed(value)
    if isinstance(value, list):
        parts = [line(part) for part in value]
    else:
        parts = [part.strip() for part in re.split(r"\s*[>»|]\s*|\s+/\s+|/(?=[A-Z])", line(value))]
    return list(dict.fromkeys(filter(None, parts)))


def named_values(value: Any) -> dict[str, str]:
    """Attributes with their names: from a mapping, a list of {name, value}, or `Name: value; Name: value` text."""
    value = parsed(value)
    if isinstance(value, dict):
        return {label(name): scalar for name, item in value.items() if (scalar := listed(item))}
    if isinstance(value, list) and all(isinstance(item, dict) for item in value):
        pairs = (_name_and_value(item) for item in value)
        return {label(name): scalar for name, item in pairs if name and (scalar := listed(item))}
    found = {}
    parts = [line(part) for part in value] if isinstance(value, list) else re.split(r"[;\n|]", text(value))
    for part in parts:
        if match := NAMED_VALUE.match(part):
            found[label(match[1])] = match[2].strip().rstrip(".;,")
    return found


def listed(value: Any) -> str:
    """One value or several as one line: `red, blue`; a mapping as `width 3, height 4`. `true` is `Yes`."""
    value = parsed(value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(dict.fromkeys(filter(None, map(listed, value))))
    if isinstance(value, dict):
        return ", ".join(f"{line(name)} {listed(item)}" for name, item in value.items() if listed(item))
    if isinstance(value, float):
        return f"{value:g}" if math.isfinite(value) else ""
    return line(value)


def label(name: str) -> str:
    """A name as a person writes it: `countPerPack` and `count_per_pack` → `Count per pack`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[_.\-]+", " ", line(name)).split()
    spelled = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return spelled[:1].upper() + spelled[1:]


def number(value: Any) -> float | None:
    """The amount in `$1,299.00`, `1.299,00 €`, `USD 58.45` or `58 45` (a feed that lost its point), else None.

    A group of three digits after a mark is thousands; a last group of one or two is the decimals.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    match = AMOUNT.fullmatch(line(value))
    if not match:
        return None
    sign, digits = match.groups()
    whole, *groups = re.split(r"[.,' ]+", digits.strip(".,' "))
    # Thousands stand after one to three digits that are not a lone zero.
    thousands = groups and len(groups[-1]) == 3 and len(whole) <= 3 and whole != "0"
    decimals = groups.pop() if groups and not thousands else "0"
    if any(len(group) != 3 for group in groups) or (groups and len(decimals) > 2):
        return None
    return float(f"{sign}{whole}{''.join(groups)}.{decimals}")


def gtin(value: Any) -> str | None:
    """GTIN-8, UPC, EAN-13 or GTIN-14 padded to 14 digits. Raises ValueError with the reason if it is none.

    Check digit by stdnum. Zeros that a spreadsheet lost come back with the padding: they do not count in the check.
    """
    from stdnum import ean

    value = parsed(value)
    if isinstance(value, list):
        value = next(iter(value), None)
    digits = re.sub(r"[\s-]|\.0+$", "", line(value))
    if not digits:
        return None
    # 11: a UPC whose leading zero a spreadsheet took for nothing.
    if not digits.isdecimal() or len(digits) not in (8, 11, 12, 13, 14):
        raise ValueError(f"`{digits[:40]}` is not a GTIN: 8, 12, 13 or 14 digits")
    padded = digits.zfill(14)
    if not padded.strip("0") or not ean.is_valid(padded):
        raise ValueError(f"`{digits}` is not a GTIN: its check digit is wrong")
    return padded


def _name_and_value(pair: dict[str, Any]) -> tuple[str, Any]:
    lowered = {key.lower(): item for key, item in pair.items()}
    name = next((lowered[key] for key in ("name", "key", "label", "attribute") if lowered.get(key)), "")
    return str(name), next((lowered[key] for key in ("value", "values", "text") if key in lowered), None)
