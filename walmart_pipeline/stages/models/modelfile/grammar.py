"""Parses Modelfiles exactly as Ollama does: parser/parser.go of v0.33, whose test cases are among this module's tests.

Only line numbers differ: Ollama counts CR LF twice, and reports the line after a command without a value.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from walmart_pipeline.stages.models.modelfile.characters import surviving
from walmart_pipeline.stages.models.modelfile.parameters import KINDS, Value, typed

BLANK = " \t"
TRIPLE = '"""'
ROLES = ("system", "user", "assistant")
# Commands with one text, the last of which wins; preserved but not used.
OTHER = ("requires", "renderer", "parser", "draft")
COMMANDS = frozenset(("from", "license", "template", "system", "adapter", "parameter", "message", *OTHER))

LINE_END = re.compile(r"(\r\n|\r|\n)")
FIRST_WORD = re.compile(rf"[^{BLANK}]+")
PARAMETER_HEAD = re.compile(rf"([A-Za-z0-9_]*)[{BLANK}]")
MESSAGE_HEAD = re.compile(rf"([A-Za-z]*)[{BLANK}]")


class ModelfileError(ValueError):
    """A Modelfile can't be parsed, or a text can't be written to one. `line`: 0 for the file as a whole."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line
        self.message = message


@dataclass
class Modelfile:
    """A parsed Modelfile. Missing commands are None or empty."""

    from_: str
    # As in POST /api/create: the last of a repeated one, all of a repeated `stop` as a list. A literal of an unknown
    # parameter, or of another type than the parameter's, stays text.
    parameters: dict[str, Value] = field(default_factory=dict)
    template: str | None = None
    system: str | None = None
    adapter: str | None = None
    license: list[str] = field(default_factory=list)
    messages: list[tuple[str, str]] = field(default_factory=list)
    other: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Command:
    """One command. `key`: a parameter's name or a message's role. `quote`: the opening quotation marks, if any."""

    first_line: int
    last_line: int
    name: str
    key: str
    quote: str
    value: str


def parse(data: bytes | str) -> Modelfile:
    """Parse a Modelfile in UTF-8, or UTF-16 with a byte order mark; invalid bytes become U+FFFD.

    Raises ModelfileError with the line of the first error. As in Ollama, parameters are not validated: see check.
    """
    modelfile = Modelfile(from_="")
    has_from = False
    for command in scan(decode(data)):
        if isinstance(command, ModelfileError):
            raise command
        if command.name == "parameter":
            _set_parameter(modelfile.parameters, command.key, command.value)
        elif command.name == "message":
            modelfile.messages.append((command.key, command.value))
        elif command.name == "license":
            modelfile.license.append(command.value)
        elif command.name in OTHER:
            modelfile.other[command.name] = command.value
        elif command.name == "from":
            modelfile.from_ = command.value
            has_from = True
        else:  # template, system and adapter are fields of the same name
            setattr(modelfile, command.name, command.value)
    if not has_from:
        raise ModelfileError(0, "no FROM line")
    return modelfile


def decode(data: bytes | str) -> str:
    """Decode a Modelfile, without its byte order mark."""
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def scan(text: str) -> Iterator[Command | ModelfileError]:
    """Yield every command and every error, in order.

    The scan continues after an error with the next line, and after an unclosed value with the next line that begins
    with a command.
    """
    pieces = LINE_END.split(text)
    lines, ends = pieces[::2], pieces[1::2]
    at = 0
    while at < len(lines):
        start = lines[at].lstrip(BLANK)
        if not start or start.startswith("#"):
            at += 1
            continue
        try:
            name, key, opening = _head(start, at + 1)
        except ModelfileError as error:
            yield error
            at += 1
            continue
        opening = surviving(opening).lstrip(BLANK)
        quote = TRIPLE if opening.startswith(TRIPLE) else '"' if opening.startswith('"') else ""
        last = _last_line(opening, quote, lines, at)
        if last is None:
            yield ModelfileError(
                at + 1, f"unexpected EOF: the {quote} that opens this {name.upper()} is closed at the end of no line"
            )
            at = next((i for i in range(at + 1, len(lines)) if _begins_as_command(lines[i])), len(lines))
            continue
        further = (ends[i] + surviving(lines[i + 1]) for i in range(at, last))
        value = (opening + "".join(further)).strip(f"{BLANK}\r\n")
        yield Command(at + 1, last + 1, name, key, quote, value[len(quote) : len(value) - len(quote)])
        at = last + 1


def _head(start: str, line: int) -> tuple[str, str, str]:
    """Split a command's first line into command, parameter name or message role, and the rest."""
    word, rest = _first_word(start)
    name = _command_name(word)
    if name not in COMMANDS:
        known = ", ".join(sorted(COMMANDS)).upper()
        raise ModelfileError(line, f"unknown command {word!r}; a line begins with one of {known}")
    if not rest:
        raise ModelfileError(line, f"unexpected EOF: {name.upper()} has no value")
    # Exactly one blank separates them.
    rest = rest[1:]
    if name not in ("parameter", "message"):
        return name, "", rest
    key = (PARAMETER_HEAD if name == "parameter" else MESSAGE_HEAD).match(rest)
    if key is None:
        what = "a name of letters, digits and _" if name == "parameter" else "a role"
        raise ModelfileError(line, f"unexpected EOF: {name.upper()} takes {what}, a space and a value")
    if name == "message" and key[1] not in ROLES:
        raise ModelfileError(line, f"message role must be one of system, user and assistant, not {key[1]!r}")
    return name, key[1], rest[key.end() :]


def _first_word(start: str) -> tuple[str, str]:
    word = FIRST_WORD.match(start)
    end = word.end() if word else 0
    return start[:end], start[end:]


def _command_name(word: str) -> str:
    """Return the command that a word names. Ollama drops an unprintable first character."""
    name = surviving(word[:1]) + word[1:]
    return name.lower() if name.isascii() else name


def _begins_as_command(line: str) -> bool:
    word, rest = _first_word(line.lstrip(BLANK))
    return bool(rest) and _command_name(word) in COMMANDS


def _last_line(opening: str, quote: str, lines: list[str], at: int) -> int | None:
    """Return the index of the line that ends the value opened in line `at`; None if none does.

    That is the first line that ends with its opening quote, ignoring blanks; without a quote, its own line.
    """
    first = opening.rstrip(BLANK)
    if first.endswith(quote) and len(first) >= 2 * len(quote):
        return at
    return next(
        (i for i in range(at + 1, len(lines)) if surviving(lines[i]).rstrip(BLANK).endswith(quote)),
        None,
    )


def _set_parameter(parameters: dict[str, Value], name: str, literal: str) -> None:
    stored = parameters.get(name)
    if KINDS.get(name) != "list":
        parameters[name] = typed(name, literal)
    elif isinstance(stored, list):
        stored.append(literal)
    else:
        parameters[name] = [literal]
