"""Bytes to text: which encoding, and whether it is text at all.

Belongs here: finding an encoding out. Does not: mending text that was decoded wrongly before it came (cleaning.py).
"""

from __future__ import annotations

import codecs
from typing import IO

from walmart_pipeline.catalog.readers.rows import UnreadableFeedError

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# Enough for the guess to settle; charset-normalizer's time grows with what it is shown.
SAMPLE_BYTES = 64 << 10


def find_out(file: IO[bytes]) -> str:
    """Name of the encoding of the whole file; the file is back at its start afterwards.

    A byte-order mark decides; else UTF-8 if every byte of the file fits it; else the best guess among the Western
    code pages, of which Windows-1252 is the usual one. Raises UnreadableFeedError for an empty or a binary file.
    """
    head = file.read(SAMPLE_BYTES)
    file.seek(0)
    if not head.strip():
        raise UnreadableFeedError("the file is empty")
    for mark, name in BOMS:
        if head.startswith(mark):
            return name
    if b"\0" in head:
        raise UnreadableFeedError("it is a binary file, not text")
    if _is_utf8(file):
        return "utf-8"
    return _guess(head)


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

    # Only what retail feeds were seen in; an open choice takes short Western texts for Cyrillic or Chinese.
    best = from_bytes(head, cp_isolation=["cp1252", "cp1250", "mac_roman", "utf_8"]).best()
    control = sum(byte < 32 and byte not in b"\t\r\n\f" for byte in head)
    if best is None or control > len(head) // 100:
        raise UnreadableFeedError("it is a binary file, not text")
    return best.encoding if best.encoding != "utf_8" else "cp1252"
