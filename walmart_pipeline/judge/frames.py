"""How the judge and its processes talk: a text after its length in bytes.

Belongs here: both ends of a pipe. Does not: what a text says (workers.py, worker.py).
"""

from __future__ import annotations

import struct
from typing import IO

_SIZE = struct.Struct("<Q")


def write_frame(stream: IO[bytes], text: str) -> None:
    """Send a text."""
    payload = text.encode()
    stream.write(_SIZE.pack(len(payload)))
    stream.write(payload)
    stream.flush()


def read_frame(stream: IO[bytes]) -> str | None:
    """Receive a text; None when the other side has gone."""
    head = stream.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    size = _SIZE.unpack(head)[0]
    payload = stream.read(size)
    return payload.decode() if len(payload) == size else None
