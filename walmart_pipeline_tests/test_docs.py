"""The documents name what exists."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from walmart_pipeline.core.settings import Settings
from walmart_pipeline_tests.paths import PROJECT

DOCUMENTS = ("README.md", "CONTRIBUTING.md", "docs/ARCHITECTURE.md", "data/sample/README.md", ".env.example")
# Paths of the checkout, in backticks or as the target of a link. A run writes the others: data/exports, modelfiles.
NAMED = re.compile(r"`((?:walmart_pipeline(?:_tests)?|docs|data/sample)/[\w./-]*)`|\]\(([\w./-]+)\)")
IN_TEXT = re.compile(r"\bwalmart_pipeline(?:_tests)?/[\w./-]+")


def paths(document: Path) -> Iterator[Path]:
    text = document.read_text(encoding="utf-8")
    for code, link in NAMED.findall(text):
        yield PROJECT / code if code else document.parent / link
    yield from (PROJECT / path.rstrip(".") for path in IN_TEXT.findall(text))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_path_that_a_document_names_exists(name: str) -> None:
    missing = [str(path.relative_to(PROJECT)) for path in paths(PROJECT / name) if not path.exists()]
    assert missing == []


def test_the_example_of_an_environment_has_every_setting_and_no_other() -> None:
    text = (PROJECT / ".env.example").read_text(encoding="utf-8")
    fields = Settings.model_fields.items()
    settings = {str(field.validation_alias or f"WALMART_{name.upper()}") for name, field in fields}
    assert set(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.MULTILINE)) == settings


def test_the_picture_of_the_architecture_is_the_one_of_the_code() -> None:
    check = [sys.executable, "docs/picture.py", "--check"]
    done = subprocess.run(check, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_target_that_contributing_names_is_in_the_makefile() -> None:
    named = set(re.findall(r"`?make (\w+)", (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8")))
    targets = set(re.findall(r"^(\w+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets
