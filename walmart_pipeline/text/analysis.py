"""Statistics of a text: words, stems, word classes, syllables, sentence lengths."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from walmart_pipeline.text import english, sentences, tokenizer

# Longer pieces are URLs or text without spaces, which rarely repeat.
CACHED_CHARS = 40


class TextStats(NamedTuple):
    """Statistics of a text.

    stems: see tokenizer.key_stems. classes: one letter a word, see english.word_classes. syllables: of all words.
    sentences: words of each sentence or line that is not empty.
    """

    words: list[str]
    stems: list[str]
    classes: str
    syllables: int
    sentences: list[int]


class _Piece(NamedTuple):
    """Statistics of the characters between two spaces."""

    words: tuple[str, ...]
    stems: tuple[str, ...]
    classes: str
    syllables: int
    ends_sentence: bool


def analyze(text: str) -> TextStats:
    """Statistics of a text. No word contains a space, so pieces between spaces are cached."""
    words: list[str] = []
    stems: list[str] = []
    classes: list[str] = []
    lengths: list[int] = []
    syllables = sentence = 0
    for line in tokenizer.normalized(text).split("\n"):
        for chars in line.split():
            piece = _cached(chars) if len(chars) <= CACHED_CHARS else _analyzed(chars)
            piece_words, piece_stems, piece_classes, piece_syllables, ends_sentence = piece
            words += piece_words
            stems += piece_stems
            classes.append(piece_classes)
            syllables += piece_syllables
            sentence += len(piece_words)
            if ends_sentence and sentence:
                lengths.append(sentence)
                sentence = 0
        if sentence:
            lengths.append(sentence)
            sentence = 0
    return TextStats(words, stems, "".join(classes), syllables, lengths)


def _analyzed(piece: str) -> _Piece:
    words = tokenizer.WORD.findall(piece)
    return _Piece(
        words=tuple(words),
        stems=tuple(stem for word in words for stem in tokenizer.stems(word)),
        classes=english.word_classes(words),
        syllables=sum(map(tokenizer.syllables, words)),
        ends_sentence=sentences.is_last_word(piece),
    )


# 97 % of 330,000 pieces of real descriptions are among the 16,384 most frequent.
_cached = lru_cache(maxsize=1 << 14)(_analyzed)
