"""The check that a text is English."""

from __future__ import annotations

from collections.abc import Iterator

from walmart_pipeline.judge.rules.base import Case, Finding, rule
from walmart_pipeline.text import english, sentences, tokenizer

# A description of fewer words is refused for its length anyhow.
LEAST_WORDS = 40
# A sentence of another language has about 40 function words in a hundred; shorter ones are not reported.
FOREIGN_SENTENCE, FOREIGN_SHARE = 6, 0.2
# In so many words of other sentences a listing is no English one; fewer may be a motto or the name of a dish.
FOREIGN_WORDS = 12
# A title or feature has few function words; two of another language and none of English tell it.
FOREIGN_SHORT = 2
# py3langid is asked where a text has hardly an English function word; it is less sure of lists of names.
FOREIGN_FUNCTION_SHARE, SURE = 0.05, 0.95
# Of an Italian title it is sure by 0.91, of names in an English one by 0.18.
SURE_OF_LINE = 0.6
# Of a long text evidence shows the beginning.
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
            # A script without spaces has no words to count; two letters make one, as in Chinese.
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
    # Some words are two languages' own: in, no, per.
    return len(foreign) >= FOREIGN_SHORT and (
        not english.function_words(form) or english.language_of(text, SURE_OF_LINE) is not None
    )


def shown(text: str) -> int:
    """Where the part of a text ends that is shown as evidence: a word's end near SHOWN_CHARS."""
    return len(text) if len(text) <= SHOWN_CHARS else max(text.rfind(" ", 0, SHOWN_CHARS), SHOWN_CHARS // 2)
