"""Many texts cut up at once: each word looked up a single time, everything else by arrays over all of them.

Belongs here: what the judge keeps of a word, in 64 bits, and the measures of a text's words that several rules ask for.
Does not: what a word, stem or sentence is (tokenizer.py), or what a rule or dimension makes of a measure.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from walmart_pipeline.text import english, hash_slots, tokenizer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tokens: TypeAlias = NDArray[np.uint64]

# A catalog's everyday words come again and again: of 330,000 pieces of real descriptions, 97 % are
# among the 16,384 commonest. So many with their tokens take 4 MB.
REMEMBERED = 1 << 14
# Longer ones are addresses or writing without blanks, and never come again.
REMEMBERED_CHARS = 40
# Eight words in a row do not come back by chance in a text of some hundred words.
ECHO_WORDS = 8
# In a short text a word that comes so often is no stuffing, whatever its share.
CROWD = 5
# In place of the hash of a word with a digit.
FIGURE = 0

# A token: 40 bits of a hash, a letter for the class, the syllables, a bit for figures, and its kind. Two words of one
# listing have the same 40 bits once in 10⁸ listings.
_HASH_BYTES = 5
_CLASS_AT, _SYLLABLES_AT, _FIGURE_AT, _KIND_AT = 40, 48, 56, 60
_WORD, _STEM, _SENTENCE_END, _TEXT_END = 1, 2, 3, 4
_HASH, _BYTE = (1 << _CLASS_AT) - 1, 0xFF
# Pieces that stand for the end of a line and of a text.
_LINE, _BORDER = "\1", "\2"
# Odd factors of 64 bits with no pattern: the first digits of π in base 16.
_MIX = (0x243F6A8885A308D3, 0x13198A2E03707345, 0xA4093822299F31D1)
_TEXT_MIX = 0x082EFA98EC4E6C89


class Cut(NamedTuple):
    """A text cut up.

    words: how many. different: how many different ones. echoes: whether ECHO_WORDS in a row come a second time.
    stems: a code for each of texts.key_stems, as `stem_code` gives it. crowded: whether one of them comes more than
    CROWD times. hashes: 32 bits a word, the same on every machine; FIGURE for a word with a digit. syllables: of all
    words. sentences: how many words each sentence or line has, without empty ones. shape: see `english.shape`.
    unlikely: how many words hardly stand before the next one, see `english.unlikely`.
    """

    words: int
    different: int
    echoes: bool
    stems: list[int]
    crowded: bool
    hashes: NDArray[np.uint32]
    syllables: int
    sentences: list[int]
    shape: str
    unlikely: int


class _Pieces(dict[str, bytes]):
    """The tokens of each piece of text that was met lately: of what stands between two blanks."""

    def __missing__(self, piece: str) -> bytes:
        tokens = array("Q", _tokens(piece)).tobytes()
        if len(piece) <= REMEMBERED_CHARS:
            if len(self) >= REMEMBERED:
                self.clear()
            self[piece] = tokens
        return tokens


_PIECES = _Pieces()


def cut(text: str) -> Cut:
    """One text cut up. Among many it takes a small part of the time: see `cuts`."""
    return cuts([text])[0]


def cuts(several: Sequence[str]) -> list[Cut]:
    """All that the judge asks of the words of each text.

    No word reaches over a blank, so all texts are divided at blanks together and what stands between two is looked up.
    """
    import numpy as np

    if not several:
        return []
    tokens = np.frombuffer(b"".join(map(_PIECES.__getitem__, _pieces(several))), dtype=np.uint64)
    kinds = tokens >> _KIND_AT
    is_word, is_stem = kinds == _WORD, kinds == _STEM
    words, stems = tokens[is_word], tokens[is_stem]
    words_before, stems_before = np.cumsum(is_word), np.cumsum(is_stem)
    ends = np.flatnonzero(kinds == _TEXT_END)
    stops, stem_stops = words_before[ends], stems_before[ends]
    spans = list(pairwise([0, *stops.tolist()]))
    owner, stem_owner = _owners(stops), _owners(stem_stops)
    hashed = words & _HASH
    hashes = hashed.astype(np.uint32)
    hashes[words >> _FIGURE_AT & 1 == 1] = FIGURE
    codes = ((stems & _HASH) << 1 | stems >> _FIGURE_AT & 1).tolist()
    classes = (words >> _CLASS_AT).astype(np.uint8)
    shape = classes.tobytes().decode("ascii")
    unlikely = english.unlikely()[classes[:-1], classes[1:]] & (owner[:-1] == owner[1:])
    spoken = np.cumsum(words >> _SYLLABLES_AT & _BYTE, dtype=np.int64)
    ending = kinds >= _SENTENCE_END
    columns = (
        np.diff(stops, prepend=0).tolist(),
        _different(hashed, owner, len(several)),
        _echoing(hashed, owner, len(several)),
        [codes[start:end] for start, end in pairwise([0, *stem_stops.tolist()])],
        _holding(hash_slots.crowded((stems & _HASH) + stem_owner * _TEXT_MIX, CROWD), stem_owner, len(several)),
        [hashes[start:end] for start, end in spans],
        np.diff(np.append(0, spoken)[stops], prepend=0).tolist(),
        _sentences(words_before[ending], kinds[ending] == _TEXT_END),
        [shape[start:end] for start, end in spans],
        np.bincount(owner[:-1][unlikely].astype(np.int64), minlength=len(several)).tolist(),
    )
    return list(map(Cut._make, zip(*columns, strict=True)))


@lru_cache(maxsize=1 << 14)
def stem_code(stem: str) -> int:
    """What stands for a stem in a Cut: a number, odd where the stem is one of digits only."""
    return _hash(stem) << 1 | stem.isdigit()


def stem_codes(text: str) -> list[int]:
    """The codes of texts.key_stems; for a short text twenty times as fast as `cut`."""
    return [stem_code(stem) for stem in tokenizer.key_stems(text)]


def is_figure(code: int) -> bool:
    """Whether the stem of a code is of digits only."""
    return code & 1 == 1


def _pieces(several: Sequence[str]) -> list[str]:
    whole = _BORDER.join(several)
    if whole.count(_BORDER) >= len(several):
        whole = _BORDER.join(text.replace(_BORDER, " ") for text in several)
    return f"{tokenizer.folded(whole)}{_BORDER}".replace("\n", f" {_LINE} ").replace(_BORDER, f" {_BORDER} ").split()


def _tokens(piece: str) -> Iterator[int]:
    if piece in {_LINE, _BORDER}:
        yield (_SENTENCE_END if piece == _LINE else _TEXT_END) << _KIND_AT
        return
    words = tokenizer.WORD.findall(piece)
    for word, kind in zip(words, english.shape(words), strict=True):
        figure = any(map(str.isdigit, word))
        spoken = min(tokenizer.syllables(word), _BYTE) << _SYLLABLES_AT
        yield _WORD << _KIND_AT | figure << _FIGURE_AT | spoken | ord(kind) << _CLASS_AT | _hash(word)
        for stem in tokenizer.stems(word):
            yield _STEM << _KIND_AT | stem.isdigit() << _FIGURE_AT | _hash(stem)
    if tokenizer.ends_sentence(piece):
        yield _SENTENCE_END << _KIND_AT


def _hash(word: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest(), "little"
    )


def _sentences(words_before: NDArray[np.signedinteger[Any]], ends_text: NDArray[np.bool_]) -> list[list[int]]:
    """How many words each sentence of each text has; both are given for every end of a sentence or text."""
    import numpy as np

    lengths = np.diff(words_before, prepend=0)
    written = lengths > 0
    told = lengths[written].tolist()
    stops = np.cumsum(written)[ends_text].tolist()
    return [told[start:end] for start, end in pairwise([0, *stops])]


def _different(hashed: Tokens, owner: Tokens, number: int) -> list[int]:
    """How many different words each of so many texts has."""
    import numpy as np

    once = ~hash_slots.again(hashed + owner * _TEXT_MIX)
    counts: list[int] = np.bincount(owner[once].astype(np.int64), minlength=number).tolist()
    return counts


def _echoing(hashed: Tokens, owner: Tokens, number: int) -> list[bool]:
    """In which of so many texts ECHO_WORDS words in a row come a second time."""
    runs, reach = hashed, 1
    while reach < ECHO_WORDS:
        runs = runs[:-reach] * _MIX[reach.bit_length() - 1] + runs[reach:]
        reach *= 2
    # Runs that reach from one text into the next are none.
    whole = owner[: len(runs)] == owner[len(owner) - len(runs) :]
    runs, of = runs[whole], owner[: len(runs)][whole]
    return _holding(hash_slots.again(runs + of * _TEXT_MIX), of, number)


def _owners(stops: NDArray[np.signedinteger[Any]]) -> Tokens:
    """Of which text each item is, given how many items there are up to the end of each text."""
    import numpy as np

    return np.repeat(np.arange(len(stops), dtype=np.uint64), np.diff(stops, prepend=0))


def _holding(marked: hash_slots.Mask, owner: Tokens, number: int) -> list[bool]:
    """Which of so many texts has a marked item."""
    import numpy as np

    found = np.zeros(number, dtype=bool)
    found[owner[marked].astype(np.int64)] = True
    return found.tolist()
