"""Detects a file's encoding, and binary files."""

from __future__ import annotations

import codecs
from typing import IO

from walmart_pipeline.stages.catalog.readers.rows import UnreadableFeedError

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
CONTROLS = [bytes([byte]) for byte in range(32) if byte not in b"\t\n\v\f\r\x1a\x1b"]
# charset-normalizer's time grows with its input, without better guesses.
SAMPLE_BYTES = 64 << 10
# Text has few by accident; a tenth of a compressed file's bytes are control characters.
CONTROL_SHARE = 0.02


def detect(file: IO[bytes]) -> str:
    """Detect the encoding of a file: by byte-order mark, else UTF-8 if valid, else a Western code page.

    Rewinds the file. Raises UnreadableFeedError for an empty or binary file.
    """
    head = file.read(SAMPLE_BYTES)
    file.seek(0)
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    if not head.strip() and len(head) < SAMPLE_BYTES:
        raise UnreadableFeedError("the file is empty")
    control = sum(head.count(byte) for byte in CONTROLS)
    if control > max(1, len(head) * CONTROL_SHARE):
        raise UnreadableFeedError("it is a binary file, not text (UTF-16 needs its byte-order mark)")
    return "utf-8" if _is_utf8(file) else _guess(head)


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := file.read(1 << 20):
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    finally:
        file.seek(0)
    return True


def _guess(head: bytes) -> str:
    from charset_normalizer import from_bytes

    # Without restriction, short Western texts are taken for Cyrillic or Chinese.
    best = from_bytes(head, cp_isolation=["cp1252", "cp1250", "mac_roman"]).best()
    return best.encoding if best else "cp1252"
