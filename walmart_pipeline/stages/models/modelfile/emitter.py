"""Writes a Modelfile that Ollama reads exactly as intended, or raises an error.

Texts are always in triple quotes. Only lines that end in three quotation marks and characters that Ollama drops are
unsafe: Ollama's parser read 50,000 random texts without them exactly as written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from walmart_pipeline.stages.models.modelfile.characters import CLOSING_LINE, name, survives, surviving
from walmart_pipeline.stages.models.modelfile.grammar import LINE_END, OTHER, ROLES, TRIPLE, Modelfile, ModelfileError
from walmart_pipeline.stages.models.modelfile.parameters import KINDS, Scalar, Value, literal, typed

# Names of models and paths that need no quotation marks.
BARE = re.compile(r"[A-Za-z0-9_./:@~-]+")
PARAMETER_NAME = re.compile(r"[A-Za-z0-9_]+")


def emit(modelfile: Modelfile, comments: Sequence[str] = ()) -> str:
    """Format a Modelfile; `parse(emit(x)) == x`.

    comments: written at the top as `# …`, without unprintable characters. Raises ModelfileError for a command that
    can't be represented; `printable` rewrites such texts.
    """
    return "".join(f"{line}\n" for line in (*_comments(comments), *_commands(modelfile)))


def _comments(comments: Sequence[str]) -> Iterator[str]:
    for comment in comments:
        for line in comment.splitlines() or [""]:
            yield f"# {surviving(line)}".rstrip()


def _commands(modelfile: Modelfile) -> Iterator[str]:
    bare = BARE.fullmatch(modelfile.from_)
    yield f"FROM {modelfile.from_ if bare else _quoted(modelfile.from_, 'FROM')}"
    for command, text in modelfile.other.items():
        if command not in OTHER:
            raise ModelfileError(0, f"{command!r} is no command that takes one text; those are {', '.join(OTHER)}")
        yield f"{command.upper()} {_quoted(text, command.upper())}"
    if modelfile.adapter is not None:
        yield f"ADAPTER {_quoted(modelfile.adapter, 'ADAPTER')}"
    for parameter, value in modelfile.parameters.items():
        yield from _parameter(parameter, value)
    if modelfile.template is not None:
        yield f"TEMPLATE {_quoted(modelfile.template, 'TEMPLATE')}"
    if modelfile.system is not None:
        yield f"SYSTEM {_quoted(modelfile.system, 'SYSTEM')}"
    for number, text in enumerate(modelfile.license, 1):
        yield f"LICENSE {_quoted(text, f'LICENSE {number}')}"
    for number, (role, text) in enumerate(modelfile.messages, 1):
        if role not in ROLES:
            raise ModelfileError(0, f"MESSAGE {number}: role must be one of {', '.join(ROLES)}, not {role!r}")
        yield f"MESSAGE {role} {_quoted(text, f'MESSAGE {number} ({role})')}"


def _parameter(parameter: str, value: Value) -> Iterator[str]:
    place = f"PARAMETER {parameter}"
    if not PARAMETER_NAME.fullmatch(parameter):
        raise ModelfileError(0, f"{place}: a name has letters, digits and _ only, and at least one")
    if isinstance(value, list) != (KINDS.get(parameter) == "list") or value == []:
        raise ModelfileError(0, f"{place}: stop, and no other parameter, takes a list of one or more texts")
    for scalar in value if isinstance(value, list) else [value]:
        yield f"{place} {_scalar(parameter, scalar)}"


def _scalar(parameter: str, value: Scalar) -> str:
    text = literal(value)
    read = typed(parameter, text)
    if read != value or isinstance(read, str) != isinstance(value, str):
        kind = KINDS.get(parameter, "text")
        raise ModelfileError(0, f"PARAMETER {parameter}: takes a value of type {kind}, not {value!r}")
    return _quoted(text, f"PARAMETER {parameter}") if isinstance(value, str) else text


def _quoted(text: str, place: str) -> str:
    dropped = next((char for char in text if not survives(char)), None)
    if dropped is not None:
        raise ModelfileError(0, f"{place}: cannot hold {name(dropped)}, which Ollama drops")
    closing = CLOSING_LINE.search(text)
    if closing is not None:
        line = len(LINE_END.split(text[: closing.start()])[::2])
        raise ModelfileError(0, f"{place}: line {line} of the text ends in {TRIPLE}, which would close it early")
    return f"{TRIPLE}{text}{TRIPLE}"
