"""Cleans texts and values of any column."""

from __future__ import annotations

import ast
import html
import json
import math
import re
import unicodedata
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]*>|!--)")
ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-fA-F]{1,6}|[a-zA-Z]{2,31});")
# Without white space, which SPACES collapses.
INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\ufffe\uffff]"
)
SPACES = re.compile(r"[^\S\n]+")
BLANK_LINES = re.compile(r"\n{3,}")
# What cleaning may change: most cells have none of it and skip the rest.
UNSOUND = re.compile(r"[^\x20-\x7e\n]|[<&]|  | \n|\n |\n\n\n")
# What ftfy may repair, such as UTF-8 that was decoded as a code page. ftfy is slower than all other cleaning together,
# so other texts skip it.
SUSPECT = re.compile(
    r"[^\x00-\x7f]{2}|[\u00c2-\u00df] |[\u00e0-\u00f4] [^\x00-\x7f]"
    r"|[\x80-\x9f\u2028\u2029\ud800-\udfff\ufb00-\ufb06\uff00-\uffef\ufffd]"
)
CURLY = re.compile("[\u2018-\u201f]")
STRAIGHT_QUOTES = str.maketrans("‘’‚‛“”„‟", "''''\"\"\"\"")
# Feeds that passed through two systems have `&amp;lt;`; no real feed needs ten passes.
MAX_PASSES = 10
BULLET = re.compile(r"^(?:[\s•●▪◦‣∙·✓✔➤►]+|[*–—-]+\s+)+")
IN_LINE_BULLETS = re.compile(r"\s*[•●▪◦‣➤►✓✔]\s*|\s+\|\s+|\n+")
# A point after a letter ends an abbreviation (`Rs.500`); otherwise it begins the decimals (`$.99`).
AMOUNT = re.compile(r"[^\d-]*?(-?) *((?:(?<![A-Za-z])\.)?\d[\d.,' ]*)\D*")
NAMED_VALUE = re.compile(r"^\s*([A-Za-z][\w /()&'-]{0,48}?)\s*[:=](?!//)\s*(\S.*)$")
# Empty cells, as exports write them.
ABSENT = frozenset(("", "-", "--", "n/a", "#n/a", "na", "none", "null", "nan", "nil", "undefined"))
# `none` is a value of an attribute: `Assembly required: none`.
NO_ATTRIBUTE = ABSENT - {"none"}

# Elements that HTML's default style sheet shows as a block.
BLOCK = (
    "address|article|aside|blockquote|br|dd|div|dl|dt|fieldset|figure|footer|form|h[1-6]|header|hr|li|main|nav|ol|p|pre"
    "|section|table|tr|ul"
)
BLOCKS = re.compile(BLOCK)
BLOCK_TAG = re.compile(rf"<(?:{BLOCK})\b", re.IGNORECASE)
UNSHOWN = frozenset(("script", "style", "template", "noscript", "head", "title", "-comment"))


def text(value: Any) -> str:
    """Clean a text: repair mojibake and entities, convert HTML to lines, collapse white space, remove invisibles.

    Each paragraph and list item is a line; a blank line separates paragraphs. Idempotent.
    """
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(filter(None, map(text, value)))
    raw = str(value)
    for _ in range(MAX_PASSES):
        if not UNSOUND.search(raw):
            return raw.strip()
        cleaned = _clean_once(raw)
        if cleaned == raw:
            break
        raw = cleaned
    return raw


def _clean_once(raw: str) -> str:
    """Clean in one pass; doubly escaped tags take another one."""
    if "<" in raw and TAG.search(raw):
        raw = html_text(raw)
    elif "&" in raw:
        raw = ENTITY.sub(lambda entity: html.unescape(entity[0]), raw)
    if not raw.isascii():
        raw = _characters(raw)
    raw = INVISIBLE.sub("", raw.replace("\r\n", "\n").replace("\r", "\n"))
    lines = (line.strip() for line in SPACES.sub(" ", raw).split("\n"))
    return BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()


def _characters(raw: str) -> str:
    """Repair mojibake, ligatures and wide letters, straighten quotes, and compose accents."""
    if SUSPECT.search(raw):
        import ftfy

        # INVISIBLE removes control characters, from ASCII texts as well.
        raw = ftfy.fix_text(raw, unescape_html=False, remove_control_chars=False)
    if CURLY.search(raw):
        raw = raw.translate(STRAIGHT_QUOTES)
    return unicodedata.normalize("NFC", raw)


def line(value: Any) -> str:
    """Clean a text and join its lines."""
    return " ".join(text(value).split())


def html_text(markup: str) -> str:
    """Render HTML as a browser would, with each block and list item on its own line.

    Line breaks of the markup are kept only if no element is a block, as in text with a few `<b>`.
    """
    from selectolax.lexbor import LexborHTMLParser

    body = LexborHTMLParser(markup).body
    if body is None:
        return ""
    white_space = re.compile(r"\s+" if BLOCK_TAG.search(markup) else r"[^\S\n]+")
    parts: list[str] = []
    # No recursion: feeds nest thousands of unclosed elements.
    stack: list[Any] = [body]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        tag = node.tag
        if tag == "-text":
            parts.append(white_space.sub(" ", node.text(deep=False)))
        if tag in UNSHOWN:
            continue
        if BLOCKS.fullmatch(tag):
            parts.append("\n")
            stack.append("\n")
        elif tag in ("td", "th"):
            stack.append(" ")
        child = node.last_child
        while child is not None:
            stack.append(child)
            child = child.prev
    return re.sub(r" *\n[ \n]*", "\n", "".join(parts)).strip()


def parsed(value: Any) -> Any:
    """Parse a list or mapping in a string (`['A']`, `["A","B"]`, `{"a": 1}`); other values are returned as they are."""
    if not isinstance(value, str):
        return value
    stripped = value.strip()
    if not stripped or stripped[0] + stripped[-1] not in ("[]", "{}"):
        return value
    try:
        return json.loads(stripped)
    except (ValueError, RecursionError):
        return _python_literal(stripped, value)


def _python_literal(source: str, otherwise: str) -> Any:
    try:
        with warnings.catch_warnings():
            # Python warns about invalid escapes such as `\d`.
            warnings.simplefilter("ignore")
            found = ast.literal_eval(source)
    # TypeError: an unhashable key. MemoryError: nested too deeply.
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return otherwise
    return found if isinstance(found, list | dict) else otherwise


def items(value: Any) -> list[str]:
    """Split a list, a list in a string, an HTML list, lines, bullets or ` | ` into short texts without repeats."""
    value = parsed(value)
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        found: Iterator[str] = map(listed, value)
    else:
        found = (line(part) for part in IN_LINE_BULLETS.split(text(value)))
    return list(dict.fromkeys(filter(None, (BULLET.sub("", item) for item in found))))


def path(value: Any) -> list[str]:
    """Split a category path, broad to narrow: a list, or a text with `>`, `/`, `|` or `»` between levels.

    A level may be an object: {"id": 7, "name": "Kettles"}.
    """
    value = parsed(value)
    if isinstance(value, list):
        named = (_first_of(part, ("name", "label", "title")) if isinstance(part, dict) else part for part in value)
        parts = [listed(part) for part in named]
    elif (whole := line(value)).casefold() in ABSENT:
        return []
    else:
        parts = [part.strip() for part in re.split(r"\s*[>»|]\s*|\s+/\s+|/(?=[A-Z])", whole)]
    return [part for part in dict.fromkeys(parts) if part.casefold() not in ABSENT]


def named_values(value: Any) -> dict[str, str]:
    """Attributes from a mapping, a list of {name, value}, or `Name: value; Name: value`; the first of a name counts."""
    value = parsed(value)
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(value.items())
    elif isinstance(value, list) and all(isinstance(item, dict) for item in value):
        pairs = [
            (_first_of(item, ("name", "key", "label", "attribute")), _first_of(item, ("value", "values", "text")))
            for item in value
        ]
    else:
        parts = map(line, value) if isinstance(value, list) else re.split(r"[;\n|]", text(value))
        matches = filter(None, map(NAMED_VALUE.match, parts))
        pairs = [(match[1], match[2].strip().rstrip(".;,")) for match in matches]
    found: dict[str, str] = {}
    for name, item in pairs:
        named, shown = label(line(name)), listed(item)
        if named and shown.casefold() not in NO_ATTRIBUTE:
            found.setdefault(named, shown)
    return found


def listed(value: Any) -> str:
    """Format a value on one line: `red, blue` for a list, `width 3, height 4` for a mapping, `Yes` for true."""
    value = parsed(value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, list):
        return ", ".join(dict.fromkeys(filter(None, map(listed, value))))
    if isinstance(value, dict):
        return ", ".join(f"{line(name)} {shown}".strip() for name, item in value.items() if (shown := listed(item)))
    if isinstance(value, float):
        return _figures(value)
    return line(value)


def _figures(value: float) -> str:
    """Format a float as it was written: `173530386` for 173530386.0 of a spreadsheet."""
    if not math.isfinite(value):
        return ""
    return str(int(value)) if value.is_integer() else repr(value)


@lru_cache(maxsize=10_000)
def label(name: str) -> str:
    """Format a name for people: `countPerPack`, `count_per_pack` and `count-per-pack` → `Count per pack`.

    Hyphens stay where words are separate already: `Non-Stick Coating` → `Non-stick coating`.
    """
    named = line(name)
    if " " not in named:
        named = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", named)
        named = named.replace("-", " ") if named.islower() else named
    words = re.sub(r"[_.]+", " ", named).split()
    spelled = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)
    return spelled[:1].upper() + spelled[1:]


def number(value: Any) -> float | None:
    """Parse an amount: `$1,299.00`, `1.299,00 €`, `USD 58.45` or `58 45` (lost point); None if invalid.

    Three digits after a mark are thousands; one or two at the end are decimals.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return _finite(value)
    match = AMOUNT.fullmatch(line(value))
    if not match:
        return None
    sign, digits = match.groups()
    whole, *groups = re.split(r"[.,' ]+", digits.rstrip(".,' "))
    # Thousands follow one to three digits other than a lone zero.
    thousands = groups and len(groups[-1]) == 3 and len(whole) <= 3 and whole not in ("", "0")
    decimals = groups.pop() if groups and not thousands else "0"
    if any(len(group) != 3 for group in groups) or (groups and len(decimals) > 2):
        return None
    return _finite(f"{sign}{whole}{''.join(groups)}.{decimals}")


def _finite(figures: str | float) -> float | None:
    try:
        value = float(figures)
    except OverflowError:
        # An integer of more than 308 digits.
        return None
    return value if math.isfinite(value) else None


def gtin(value: Any) -> str | None:
    """Validate a GTIN-8, UPC, EAN-13 or GTIN-14 and pad it to 14 digits; None for an empty cell. Raises ValueError.

    The padding restores leading zeros that a spreadsheet dropped: they do not count in the check digit.
    """
    from stdnum import ean

    value = parsed(value)
    if isinstance(value, list):
        value = next(iter(value), None)
    shown = line(value)
    if shown.casefold() in ABSENT:
        return None
    digits = re.sub(r"[\s-]|\.0+$", "", shown)
    # 11: a UPC without its leading zero.
    if not (digits.isascii() and digits.isdecimal()) or len(digits) not in (8, 11, 12, 13, 14):
        raise ValueError(f"`{shown[:40]}` is not a GTIN: 8, 12, 13 or 14 digits")
    padded = digits.zfill(14)
    if not padded.strip("0") or not ean.is_valid(padded):
        raise ValueError(f"`{shown}` is not a GTIN: its check digit is wrong")
    return padded


def _first_of(item: dict[Any, Any], keys: tuple[str, ...]) -> Any:
    """Return the first non-empty value of these keys, ignoring case."""
    lowered = {str(key).lower(): value for key, value in item.items()}
    return next((lowered[key] for key in keys if lowered.get(key) not in (None, "")), None)
