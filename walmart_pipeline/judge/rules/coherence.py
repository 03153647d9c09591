"""Detects incoherent text: random letters or words, loops, filler."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from operator import itemgetter

from walmart_pipeline.judge.rules.base import Case, Finding, rule
from walmart_pipeline.judge.rules.language import FOREIGN_FUNCTION_SHARE, LEAST_WORDS, SHOWN_CHARS, SURE, shown
from walmart_pipeline.text import english, tokenizer

# Below this many words a list of what is in the box may hold no sentence.
LISTED_WORDS = 60
# Figures below: 834 real descriptions of 60 words and more (general catalog), 534 composed ones, and their words
# shuffled.
# At most 5 % of a real description's words of four letters and more have a letter pair that is rare in English, 18 %
# with part numbers in lower case; 72 % of words of random letters do.
UNPRONOUNCEABLE_SHARE, UNPRONOUNCEABLE_WORDS = 0.2, 4
# With scrambled letters, one long word in seven has such a pair and function words get lost: 99.6 %
# of 240 such texts have fewer than 25 % function words and more than 6 % such long words; none of 1,392 real ones has.
SCRAMBLED_SHARE, SCRAMBLED_FUNCTION_SHARE = 0.06, 0.25
# Below this share of all words a closer look does not pay off.
UNPRONOUNCEABLE_GATE = 0.03
# Real texts reach 0.08 (751 with 25 function words), one of 534 composed ones 0.17; 98.7 % of shuffled texts with 50
# function words are above 0.1, and 89 % of those with 25 to 40.
DISORDER, ORDERED_WORDS = 0.1, 25
# Consecutive words that are no function words, no figures and not the record's: at most 24 in 1,370 real texts.
STRANGE_RUN = 36
# Sentences have articles, pronouns, verbs and the like: 3 of 835 real descriptions and no composed one have fewer than
# one in a hundred words; two are lists of search words, one is a table of sizes.
SENTENCE_CLASSES, SENTENCE_SHARE = "dvbniqwt", 0.01
# Word triples that occur four times or more make up at most 20 % of a real description except for 3 of 834, two lists
# of search words and a table.
LOOP_TIMES, LOOP_SHARE, VARIED_SHARE = 4, 0.25, 0.45
# Words that repeat in changing order: one of 1,370 real texts, a list of search words, has so few different ones.
CYCLE_SHARE = 0.15
RUN = re.compile(rf"[{english.OTHER}{english.UNPRONOUNCEABLE}]{{{STRANGE_RUN},}}")
FILLER = ("lorem ipsum", "dolor sit amet")
FILLER_STEMS = frozenset(tokenizer.key_stems("lorem dolor"))
LOREM = re.compile(rf"\b(?:{'|'.join(FILLER)})\b")
# A text with more of them is reported by `non_english`.
FOREIGN_TEXT_SHARE = 0.1


@rule("listing.incoherent")
def incoherent(case: Case) -> Iterator[Finding]:
    """Random letters or words, repeating words, filler text: one finding a field, with the clearest evidence."""
    if case.line_classes.count(english.UNPRONOUNCEABLE) > 1:
        for name, text in case.fields[:-1]:
            if span := _unpronounceable(text, case):
                yield Finding(name, *span, "letters")
    if description := _incoherent_description(case):
        yield description


def _incoherent_description(case: Case) -> Finding | None:
    text, stats = case.listing.description, case.description_stats
    words, form = len(stats.words), stats.classes
    if not FILLER_STEMS.isdisjoint(case.stems) and (found := LOREM.search(tokenizer.normalized(text))):
        return Finding("description", *found.span(), "filler")
    if form.count(english.FOREIGN) > FOREIGN_TEXT_SHARE * len(form):
        return None
    known = english.function_words(form)
    share = SCRAMBLED_SHARE if known < SCRAMBLED_FUNCTION_SHARE * words else UNPRONOUNCEABLE_SHARE
    if form.count(english.UNPRONOUNCEABLE) > max(1, UNPRONOUNCEABLE_GATE * len(form)) and (
        span := _unpronounceable(text, case, share)
    ):
        return Finding("description", *span, "letters")
    if words < LEAST_WORDS:
        return None
    if known >= ORDERED_WORDS and _is_disorderly(form) and _is_disorderly_without_a(text):
        return Finding("description", *_worst_window(text, form), "order")
    different = len(set(stats.words)) / words
    if different < VARIED_SHARE and (loop := _loop(text, stats.words)):
        return loop
    if different < CYCLE_SHARE:
        return Finding("description", 0, shown(text), "words")
    if known < FOREIGN_FUNCTION_SHARE * words and english.language_of(text, SURE):
        return None
    if len(form) >= LISTED_WORDS and not _makes_sentences(form):
        return Finding("description", 0, shown(text), "words")
    return _strange_run(text, case)


def _makes_sentences(form: str) -> bool:
    counted = accumulate(map(form.count, SENTENCE_CLASSES))
    return any(words >= SENTENCE_SHARE * len(form) for words in counted)


def _strange_run(text: str, case: Case) -> Finding | None:
    """A long run of pronounceable words that neither English nor the record explains."""
    if english.OTHER * STRANGE_RUN not in case.description_stats.classes.replace(
        english.UNPRONOUNCEABLE, english.OTHER
    ):
        return None
    own = case.record_words
    form = "".join(
        english.FIGURE if word[0].isdigit() or word in own else kind
        for word, kind in zip(tokenizer.words(text), case.description_stats.classes, strict=True)
    )
    if (run := RUN.search(form)) is None:
        return None
    spans = [match.span() for match in tokenizer.WORD.finditer(tokenizer.normalized(text))][run.start() : run.end()]
    start, first_end = spans[0]
    end = max(end for _, end in spans if end <= max(start + SHOWN_CHARS, first_end))
    return Finding("description", start, end, "letters")


def _unpronounceable(text: str, case: Case, share: float = UNPRONOUNCEABLE_SHARE) -> tuple[int, int] | None:
    """The span of the first unpronounceable words, if the record lacks them and they exceed this share."""
    matches = [match for match in tokenizer.PIECE.finditer(tokenizer.normalized(text)) if match.group().isalpha()]
    longer = [match for match in matches if len(match.group()) >= english.PRONOUNCEABLE_FROM]
    form = english.word_classes(match.group() for match in longer)
    if form.count(english.UNPRONOUNCEABLE) < max(2, share * len(longer)):
        return None
    own = case.record_words
    strange = [
        match
        for match, kind in zip(longer, form, strict=True)
        if kind == english.UNPRONOUNCEABLE and match.group() not in own
    ]
    least = UNPRONOUNCEABLE_WORDS if len(longer) >= LEAST_WORDS else 2
    if len(strange) < max(least, share * len(longer)):
        return None
    start = strange[0].start()
    return start, max(match.end() for match in strange if match.end() <= start + SHOWN_CHARS or match is strange[0])


def _is_disorderly(form: str) -> bool:
    return english.disorder(form) > DISORDER


def _is_disorderly_without_a(text: str) -> bool:
    """Whether the words are shuffled even without "a", which is no article in "vitamin A" and "size A"."""
    return _is_disorderly(english.word_classes(word for word in tokenizer.words(text) if word != "a"))


def _worst_window(text: str, form: str, size: int = 8) -> tuple[int, int]:
    odds = english.odds(form)
    first = max(range(max(1, len(odds) - size + 2)), key=lambda index: sum(odds[index : index + size - 1]))
    spans = [match.span() for match in tokenizer.WORD.finditer(tokenizer.normalized(text))][first : first + size]
    return spans[0][0], spans[-1][1]


def _loop(text: str, words: list[str]) -> Finding | None:
    frequent = {
        three: count
        for three, count in Counter(zip(words, words[1:], words[2:], strict=False)).items()
        # Figures come again in every table of sizes.
        if count >= LOOP_TIMES and not any(word[0].isdigit() for word in three)
    }
    if not frequent or sum(frequent.values()) < LOOP_SHARE * len(words):
        return None
    phrase, count = max(frequent.items(), key=itemgetter(1))
    spans = [match.span() for match in tokenizer.WORD.finditer(tokenizer.normalized(text))]
    again = [index for index in range(len(words) - 2) if tuple(words[index : index + 3]) == phrase][1]
    return Finding("description", spans[again][0], spans[again + 2][1], "loop", {"count": count})
