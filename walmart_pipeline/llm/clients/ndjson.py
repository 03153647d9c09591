"""Lines of a stream of bytes, for newline-delimited JSON and server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator


async def lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    r"""Every line that is not blank, without its end, whatever pieces the bytes come in.

    Only \n ends a line. httpx's aiter_lines also splits at U+0085 and U+2028, which JSON may hold unescaped.
    """
    rest = bytearray()
    async for chunk in chunks:
        head, newline, tail = chunk.rpartition(b"\n")
        if newline:
            rest += head
            for line in rest.split(b"\n"):
                if line.strip():
                    yield bytes(line)
            rest = bytearray(tail)
        else:
            rest += tail
    if rest.strip():
        yield bytes(rest)
