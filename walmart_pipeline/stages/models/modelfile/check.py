"""Checks a Modelfile for errors and warnings, without a server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from walmart_pipeline.stages.models.modelfile.characters import name, survives
from walmart_pipeline.stages.models.modelfile.grammar import LINE_END, Command, ModelfileError, decode, scan
from walmart_pipeline.stages.models.modelfile.parameters import DEPRECATED, complaint, typed

Severity: TypeAlias = Literal["error", "warning"]


@dataclass(frozen=True)
class ModelfileProblem:
    """A problem: Ollama rejects a Modelfile with an error; with a warning the model may not be as intended."""

    line: int  # 0 is the file as a whole
    message: str
    severity: Severity = "error"


def check(data: bytes | str) -> list[ModelfileProblem]:
    """Return all problems by line, without checking whether the model and files exist."""
    text = decode(data)
    lines = LINE_END.split(text)[::2]
    problems = []
    models = []
    for item in scan(text):
        if isinstance(item, ModelfileError):
            problems.append(ModelfileProblem(item.line, item.message))
            continue
        problems += _command_problems(item)
        problems += _character_problems(item, lines)
        if item.name == "from":
            models.append(item)
    if not models:
        problems.append(ModelfileProblem(0, "no FROM line"))
    for repeated in models[1:]:
        message = f"FROM was given in line {models[0].first_line}: of names the last wins, files are joined"
        problems.append(ModelfileProblem(repeated.first_line, message, "warning"))
    return sorted(problems, key=lambda problem: problem.line)


def _command_problems(command: Command) -> Iterator[ModelfileProblem]:
    from walmart_pipeline.llm.clients.ollama import is_cloud

    line = command.first_line
    if command.name == "from" and not command.value:
        yield ModelfileProblem(line, "FROM names no model")
    if command.name == "from" and is_cloud(command.value):
        yield ModelfileProblem(
            line, f"{command.value} runs at a hosted service: every prompt leaves this machine", "warning"
        )
    if command.name == "parameter":
        if command.key in DEPRECATED:
            yield ModelfileProblem(line, f"parameter {command.key} is deprecated: Ollama ignores it", "warning")
        wrong = complaint(command.key, typed(command.key, command.value))
        if wrong:
            yield ModelfileProblem(line, wrong)
    first = LINE_END.split(command.value, maxsplit=1)[0]
    if command.quote and command.last_line > line and command.quote in first:
        message = f"text follows the closing {command.quote}, so that the value goes on to line {command.last_line}"
        yield ModelfileProblem(line, message, "warning")


def _character_problems(command: Command, lines: list[str]) -> Iterator[ModelfileProblem]:
    for number in range(command.first_line, command.last_line + 1):
        for char in dict.fromkeys(lines[number - 1]):
            if char == "\ufffd":
                yield ModelfileProblem(
                    number, f"{name(char)}: the file is not UTF-8 here, or was damaged before", "warning"
                )
            elif not survives(char):
                yield ModelfileProblem(number, f"Ollama drops {name(char)}", "warning")
