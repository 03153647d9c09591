"""Detects text that is not English."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.rules.base import Case, Finding, rule
from walmart_pipeline.text import english, sentences, tokenizer

# Shorter descriptions violate description.length anyway.
LEAST_WORDS = 40
# About 40 % of the words of a sentence in another language are function words; shorter sentences are not reported.
FOREIGN_SENTENCE, FOREIGN_SHARE = 6, 0.2
# Fewer foreign words may be a motto or the name of a dish.
FOREIGN_WORDS = 12
# A title or feature has few function words; two foreign and no English ones are evidence.
FOREIGN_SHORT = 2
# py3langid classifies texts with hardly an English function word; it is less sure of lists of names.
FOREIGN_FUNCTION_SHARE, SURE = 0.05, 0.95
# Its probability is 0.91 for an Italian title, 0.18 for names in an English one.
SURE_OF_LINE = 0.6
# Evidence for a long text is its beginning.
SHOWN_CHARS = 80


@rule("listing.empty")
def nothing_written(case: Case) -> Iterator[Finding]:
    """No field has a letter or digit."""
    if case.is_empty:
        yield Finding("listing")


@rule("listing.non_english")
def non_english(case: Case) -> Iterator[Finding]:
    """A title, feature or description in another language; names and single words of one are no fault."""
    if english.SCRIPT in case.line_classes or case.line_classes.count(english.FOREIGN) >= FOREIGN_SHORT:
        for name, text in case.fields[:-1]:
            if _is_foreign_line(text, case):
                yield Finding(name, 0, len(text))
    form = case.description_stats.classes
    if not form:
        return
    foreign = form.count(english.FOREIGN) + form.count(english.SCRIPT)
    if foreign >= FOREIGN_WORDS * FOREIGN_SHARE:
        found = _foreign_sentences(case.listing.description)
        if sum(words for _, _, words in found) >= FOREIGN_WORDS:
            start, end, _ = found[0]
            yield Finding("description", start, end)
            return
    if (
        len(form) >= LEAST_WORDS
        and english.function_words(form) < FOREIGN_FUNCTION_SHARE * len(form)
        and english.language_of(case.listing.description, SURE)
    ):
        yield Finding("description", 0, shown(case.listing.description))


def _foreign_sentences(text: str) -> list[tuple[int, int, int]]:
    """(start, end, words) of each sentence whose function words are another language's."""
    found = []
    for start, end in sentences.spans(text):
        words = tokenizer.words(text[start:end])
        form = english.word_classes(words)
        script = sum(char > english.LATIN_END and char.isalpha() for char in text[start:end])
        foreign = form.count(english.FOREIGN)
        if 2 * script > sum(map(str.isalpha, text[start:end])):
            # A script without spaces: two characters count as a word, as in Chinese.
            found.append((start, end, max(len(words), script // 2)))
        elif (
            len(words) >= FOREIGN_SENTENCE
            and foreign >= FOREIGN_SHARE * len(words)
            and foreign > english.function_words(form)
        ):
            found.append((start, end, len(words)))
    return found


def _is_foreign_line(text: str, case: Case) -> bool:
    words = tokenizer.words(text)
    form = english.word_classes(words)
    if english.SCRIPT in form:
        script = sum(char > english.LATIN_END and char.isalpha() for char in text)
        return 2 * script > sum(map(str.isalpha, text))
    if form.count(english.FOREIGN) < FOREIGN_SHORT:
        return False
    own = case.record_words
    foreign = [word for word, kind in zip(words, form, strict=True) if kind == english.FOREIGN and word not in own]
    # Some words exist in two languages: in, no, per.
    return len(foreign) >= FOREIGN_SHORT and (
        not english.function_words(form) or english.language_of(text, SURE_OF_LINE) is not None
    )


def shown(text: str) -> int:
    """End of the evidence from a long text: a word's end near SHOWN_CHARS."""
    return len(text) if len(text) <= SHOWN_CHARS else max(text.rfind(" ", 0, SHOWN_CHARS), SHOWN_CHARS // 2)
