"""What can be counted of a listing's writing: of its title, its key features, its sentences, and beside its record.

Each number is cheap and bounded, and moves in one direction as a text gets worse, which SIGNS says: a model of a few
hundred rated listings may use a number in that direction only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from math import log, sqrt

from walmart_pipeline.core.records import Product
from walmart_pipeline.judge.rules import Case
from walmart_pipeline.judge.writing.word_sequences import FEATURE, SENTENCE, TITLE, WordSequences
from walmart_pipeline.text import english, sentences, tokenizer

# A shorter passage that the record has too may be the name of a part.
COPIED_WORDS = 5
LONG_SENTENCE, SHORT_SENTENCE, SHORT_FEATURE = 35, 5, 3
POOR_SEQUENCE = -5.0
NO_SEQUENCE = -8.0
# "The weight is 3.6 lb.", "It comes in black.": an attribute in the form of a sentence.
STATED = re.compile(r"(?:the|its|this|it)\b(?: [\w-]+){0,4}? (?:is|are|has|have|measures|weighs|comes in|includes?)\b")
STATED_WORDS = 12
# "It comes in gray, weighs 2 pounds and has a pocket depth of 16 inches."
IN_A_ROW = re.compile(
    r"\b(?:is made|are made|comes? in|measures?|weighs?|holds?|consists?|is covered|are covered|has|have)(?= )"
)
# Logarithm of the probability of a word that hardly follows the one before it.
UNSEEN = -7.0
LABEL = re.compile(r"[A-Z][^.!?:,;]{1,40}:(?=\s)")
# A mark without a space after it, with one before it, after another mark, or alone. It begins with a set of characters,
# which the regular expression engine skips to.
ODD_MARKS = re.compile(
    r"[.,;:!?)*•|~>+&-](?:(?<=[a-z]{2}[.!?])(?=[A-Z])|(?<=[a-z]{2},)(?=[A-Za-z])|(?<=\s[,.;:!?)*•|~>+&-])(?=\s|$)"
    r"|(?<=[,;:!?])[,.;:!?-]|(?<=\.)\.)"
)
# An apostrophe or a point was lost: "Women s", "5 1 Octagon".
LOST_MARKS = re.compile(r" (?:(?<=[A-Za-z]{2} )s\b|(?<=\d )\d)")
MARKS = re.compile(r"[,:;()/&-]")
SEGMENTS = re.compile(r"[,:;|()]| - ")
FIGURE = re.compile(r"\d+(?:[.,]\d+)*")
DANGLING = frozenset("a an the of at for from with to and or but is are as your our its this that".split())
PEOPLE = frozenset("he she his her him hers himself herself someone somebody".split())
FIRST_PERSON = frozenset("we our us i my me".split())
SECOND_PERSON = frozenset("you your yours you'll you're you've".split())
PAST = frozenset("was were had did".split())
DULL_OPENERS = ("the", "it", "its", "this")
LISTING_WORDS = ("listed", "listing", "category", "product", "item")

# The direction in which each number makes a text better: 1 the more, -1 the less, 0 neither too little nor too much.
SIGNS = {
    "title characters": 0,
    "title marks": 1,
    "title longest segment": -1,
    "title repeats": -1,
    "title sequence": 1,
    "title lost marks": -1,
    "title copied": -1,
    "title function words": 1,
    "features": 1,
    "feature words": 0,
    "feature spread": -1,
    "features short": -1,
    "features labelled": -1,
    "features in lower case": -1,
    "features dangling": -1,
    "features sequence": 1,
    "features worst sequence": 1,
    "features odd marks": -1,
    "features repeat": -1,
    "features in description": -1,
    "keywords": 1,
    "words": 0,
    "words missing": -1,
    "sentence words": 0,
    "sentence spread": 0,
    "sentences long": -1,
    "sentences short": -1,
    "longest sentence": -1,
    "function words": 1,
    "pronouns": 0,
    "sequence": 1,
    "sequence of worst": 1,
    "sequence of median": 1,
    "sequences poor": -1,
    "openers": 1,
    "openers dull": -1,
    "sentences stated": -1,
    "listing words": -1,
    "labels": -1,
    "colons": -1,
    "exclamations": -1,
    "questions": -1,
    "commas": -1,
    "semicolons": -1,
    "odd marks": -1,
    "lost marks": -1,
    "lower case starts": -1,
    "capitals": -1,
    "capitalized": -1,
    "figures": 0,
    "contractions": 1,
    "variety": 1,
    "repeated triples": -1,
    "frequent stem": -1,
    "stems repeated": -1,
    "figures repeated": -1,
    "words unseen": -1,
    "attributes in a row": -1,
    "syllables": -1,
    "paragraphs": 1,
    "people": -1,
    "first person": -1,
    "second person": 1,
    "past": -1,
    "copied": -1,
    "name in text": -1,
    "lists of values": -1,
    "strange names": -1,
    "strange figures": -1,
    "strange stems": -1,
}


def measure(case: Case, sequences: WordSequences) -> dict[str, float]:
    """The numbers of a listing by name, the same names for every listing."""
    record = _Record(case.product)
    return {
        **_title(case, sequences),
        **_key_features(case, sequences),
        **_description(case, sequences, record),
    }


class _Record:
    """What a record has, to see what of it is copied and what is added."""

    def __init__(self, product: Product) -> None:
        names = [product.product_name, *product.category, *product.attributes, *product.attributes.values()]
        text = "\n".join([*product.features, product.description, *names])
        self.stems = tokenizer.distinct_stems(text)
        self.text = " ".join(text.lower().split())
        self.lists = [
            tokenizer.normalized(value)
            for name, value in product.attributes.items()
            if "," in value or (value.count(" ") > 1 and " and " in value)
        ]


def _title(case: Case, sequences: WordSequences) -> dict[str, float]:
    title, stats = case.listing.title, case.title_stats
    words = max(1, len(stats.words))
    pairs = set(pairwise(case.name_stats.words))
    return {
        "title characters": min(200.0, len(title)),
        "title marks": len(MARKS.findall(title)) / words,
        "title longest segment": float(max(len(part.split()) for part in SEGMENTS.split(title))),
        "title repeats": (len(stats.stems) - len(set(stats.stems))) / words,
        "title sequence": _mean(sequences.log_probabilities([title], TITLE)[0]),
        "title lost marks": min(4.0, len(LOST_MARKS.findall(title))),
        "title copied": _mean([pair in pairs for pair in pairwise(stats.words)]),
        "title function words": english.function_words(stats.classes) / words,
    }


def _key_features(case: Case, sequences: WordSequences) -> dict[str, float]:
    features = [feature for feature in case.listing.key_features if feature.strip()]
    words = [stats.words for stats in case.feature_stats if stats.words]
    lengths = [len(each) for each in words]
    stems = [stem for stats in case.feature_stats for stem in stats.stems]
    labels = {name.lower() for name in case.product.attributes}
    means = list(map(_mean, sequences.log_probabilities(features, FEATURE)))
    return {
        "features": min(8.0, len(features)),
        "feature words": _mean(lengths),
        "feature spread": _deviation(lengths),
        "features short": _mean([length < SHORT_FEATURE for length in lengths]),
        "features labelled": _mean([":" in each and _is_label(each, labels) for each in features]),
        "features in lower case": _mean([feature[0].islower() for feature in features]),
        "features dangling": _mean([each[-1] in DANGLING for each in words]),
        "features sequence": _mean(means) if means else NO_SEQUENCE,
        "features worst sequence": min(means, default=NO_SEQUENCE),
        "features odd marks": min(1.0, _mean([len(ODD_MARKS.findall(feature)) for feature in features])),
        "features repeat": 1 - len(set(stems)) / max(1, len(stems)),
        "features in description": _mean([feature.rstrip(".") in case.listing.description for feature in features]),
        "keywords": min(5.0, len(case.listing.seo_keywords)),
    }


def _is_label(feature: str, labels: Collection[str]) -> bool:
    return feature.partition(":")[0].lower() in labels or LABEL.match(feature) is not None


def _description(case: Case, sequences: WordSequences, record: _Record) -> dict[str, float]:
    text = case.listing.description
    spans = [span for start, end in sentences.spans(text) if (span := text[start:end].strip())]
    return {
        **_sentences(spans, sequences, record),
        **_marks(text, max(1, len(spans)), max(1, len(case.description_stats.words))),
        **_words(case, max(1, len(spans)), record),
    }


def _sentences(spans: Sequence[str], sequences: WordSequences, record: _Record) -> dict[str, float]:
    pieces = [span.split() for span in spans]
    lengths = [len(words) for words in pieces]
    odds = sequences.log_probabilities(spans, SENTENCE)
    means = sorted(map(_mean, odds))
    openers = Counter(words[0].lower() for words in pieces)
    titled = [word.rstrip(".,;:!?'’s").lower() for words in pieces for word in words[1:] if word.istitle()]
    number = max(1, len(spans))
    return {
        "sentence words": min(40.0, _mean(lengths)),
        "sentence spread": min(25.0, _deviation(lengths)),
        "sentences long": sum(length > LONG_SENTENCE for length in lengths) / number,
        "sentences short": sum(length < SHORT_SENTENCE for length in lengths) / number,
        "longest sentence": log(max(lengths, default=1)),
        "sequence": _mean([each for sentence in odds for each in sentence]) if odds else NO_SEQUENCE,
        "sequence of worst": _mean(means[: max(1, len(means) // 5)]) if means else NO_SEQUENCE,
        "words unseen": sum(each < UNSEEN for sentence in odds for each in sentence) / max(1, sum(lengths)),
        "attributes in a row": sum(len(IN_A_ROW.findall(span)) > 1 for span in spans) / number,
        "sequence of median": means[len(means) // 2] if means else NO_SEQUENCE,
        "sequences poor": sum(each < POOR_SEQUENCE for each in means) / number,
        "openers": len(openers) / number,
        "openers dull": sum(openers[word] for word in DULL_OPENERS) / number,
        "sentences stated": sum(
            length < STATED_WORDS and STATED.match(span.lower()) is not None
            for span, length in zip(spans, lengths, strict=True)
        )
        / number,
        "labels": sum(":" in span and LABEL.match(span) is not None for span in spans) / number,
        "lower case starts": sum(span[0].islower() for span in spans) / number,
        "copied": sum(_is_copied(words, record) for words in pieces) / number,
        "strange names": min(1.0, sum(name not in record.text for name in titled) / number),
    }


def _marks(text: str, sentences_of_text: int, words: int) -> dict[str, float]:
    pieces = text.split()
    return {
        "colons": min(1.0, text.count(":") / sentences_of_text),
        "exclamations": min(1.0, text.count("!") / sentences_of_text),
        "questions": min(1.0, text.count("?") / sentences_of_text),
        "semicolons": min(1.0, text.count(";") / sentences_of_text),
        "commas": text.count(",") / words,
        "odd marks": min(0.05, len(ODD_MARKS.findall(text)) / words),
        "lost marks": min(0.05, len(LOST_MARKS.findall(text)) / words),
        "capitals": min(0.2, sum(map(str.isupper, pieces)) / words),
        "capitalized": sum(map(str.istitle, pieces)) / words,
        "paragraphs": min(5.0, text.count("\n\n") + 1),
    }


def _words(case: Case, sentences_of_text: int, record: _Record) -> dict[str, float]:
    text, stats = case.listing.description, case.description_stats
    words, form = stats.words, stats.classes
    total = max(1, len(words))
    times = Counter(words)
    name = " ".join(case.name_stats.words)
    figures = FIGURE.findall(text)
    return {
        "words": min(300.0, len(words)),
        "words missing": max(0.0, case.limits.description_min_words - len(words)) / case.limits.description_min_words,
        "function words": english.function_words(form) / total,
        "pronouns": (form.count("n") + form.count("i")) / total,
        "listing words": min(0.05, sum(times[word] for word in LISTING_WORDS) / total),
        "figures": len(figures) / total,
        "contractions": min(0.05, (text.count("'") + text.count("’")) / total),
        "variety": len(set(words[:150])) / min(150, total),
        "repeated triples": case.repeated_triples / max(1, len(case.triples)),
        "frequent stem": max(Counter(stats.stems).values(), default=0) / max(1, len(stats.stems)),
        "stems repeated": 1 - len(set(stats.stems)) / max(1, len(stats.stems)),
        "figures repeated": min(1.0, (len(figures) - len(set(figures))) / sentences_of_text),
        "syllables": stats.syllables / total,
        "people": min(2.0, _share(times, PEOPLE, sentences_of_text)),
        "first person": min(1.0, _share(times, FIRST_PERSON, sentences_of_text)),
        "second person": min(1.0, _share(times, SECOND_PERSON, sentences_of_text)),
        "past": min(1.0, _share(times, PAST, sentences_of_text)),
        "name in text": min(2.0, " ".join(words).count(name)) if name else 0.0,
        "lists of values": min(3.0, sum(value in case.listing_text.normalized for value in record.lists)),
        "strange figures": min(1.0, sum(each not in record.text for each in figures) / sentences_of_text),
        "strange stems": len(set(stats.stems) - record.stems) / max(1, len(stats.stems)),
    }


def _share(times: Counter[str], words: Iterable[str], total: int) -> float:
    return sum(times[word] for word in words) / total


def _is_copied(sentence: Sequence[str], record: _Record) -> bool:
    """Whether the middle of a sentence stands in the record as it is."""
    first = max(0, (len(sentence) - COPIED_WORDS) // 2)
    return " ".join(sentence[first : first + COPIED_WORDS]).lower() in record.text


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _deviation(values: Sequence[float]) -> float:
    mean = _mean(values)
    return sqrt(_mean([(value - mean) ** 2 for value in values]))
