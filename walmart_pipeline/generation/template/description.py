"""Writes the description: an opening, the source's sentences, and attributes as sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.attributes import Fact, in_words
from walmart_pipeline.generation.template.phrases import is_about_the_shop, phrases
from walmart_pipeline.generation.template.sentences import SourceText, as_sentence
from walmart_pipeline.generation.template.title import core, has_brand
from walmart_pipeline.generation.template.voice import Voice
from walmart_pipeline.generation.template.words import content_words, is_covered

# Prose is used up to twice the required words: a shopper reads 150 to 300 words.
_WORDS_AIMED_AT = 2
# Attributes written as sentences at most; others are in the key features or the feed's own fields.
_MOST_FACTS = 16
_SHOP_TALK = frozenset({"you", "your", "we", "our", "us", "i", "my"})
_LONE_SIGNS = re.compile(r"(?<!\S)[^\w\s]+(?!\S)")
_SHORT_STATEMENT = re.compile(r"The [^,.:]+ (?:is|are) [^,.:]+\.")


@dataclass
class _Text:
    """Selects sentences. covered: content words of those chosen so far."""

    acceptable: Callable[[str], bool]
    covered: list[frozenset[str]]

    def choose(self, sentences: Iterable[str | None]) -> list[str]:
        """Those that are acceptable and say something new."""
        chosen = []
        for sentence in sentences:
            if sentence is None:
                continue
            words = content_words(sentence)
            if is_covered(words, self.covered) or not self.acceptable(sentence):
                continue
            self.covered.append(words)
            chosen.append(sentence)
        return chosen


def describe(
    *,
    product: Product,
    name: str,
    source: SourceText,
    facts: list[Fact],
    features: list[str],
    overlong: list[str],
    voice: Voice,
    words_needed: int,
    longest: int,
    acceptable: Callable[[str], bool],
) -> str:
    """Two to four paragraphs of at most `longest` characters, with up to twice the required words.

    features: the key features, repeated only if there are too few words. overlong: features too long for that list.
    """
    text = _Text(acceptable, [])
    first = text.choose([voice.opening(core(name), product, brand_in_name=has_brand(name, product.brand))])
    # the source may repeat the name as a sentence
    text.covered.append(content_words(name))
    about = [
        sentence
        for sentence in [*source.sentences[:1], *overlong, *source.sentences[1:]]
        if not is_about_the_shop(sentence)
    ]
    in_features = [content_words(feature) for feature in features]
    repeating = [sentence for sentence in about if is_covered(content_words(sentence), in_features)]
    prose = text.choose(sentence for sentence in about if sentence not in set(repeating))

    statements = {fact: voice.sentence(fact, by_noun=place % 2 == 0) for place, fact in enumerate(facts[:_MOST_FACTS])}
    to_state = [statements[fact] for fact in statements if not _is_stated(fact, text.covered)]
    room = _WORDS_AIMED_AT * words_needed - _count([*first, *to_state])
    prose = _most_informative(prose, room, _keywords(facts, features, name))
    prose += text.choose(_list_sentence(source.fragments, in_features, voice))

    text = _Text(acceptable, [content_words(sentence) for sentence in [*first, *prose]])
    stated = {fact for fact in statements if _is_stated(fact, text.covered)}

    def of_group(group: str, *, repeated: bool) -> list[str]:
        return [statements[fact] for fact in statements if fact.kind.group == group and (fact in stated) is repeated]

    make = text.choose(of_group("make", repeated=False))
    use = text.choose(of_group("use", repeated=False))
    # if there are too few words: repeat what prose or key features state already
    reserves: list[tuple[list[str], list[str | None]]] = [
        (make, [*of_group("make", repeated=True)]),
        (use, [*of_group("use", repeated=True)]),
        (prose, [*repeating, *_feature_sentences(features, facts)]),
        (use, [*_path_sentence(product.category, voice)]),
    ]
    for paragraph, sentences in reserves:
        if _count([*first, *prose, *make, *use]) >= words_needed:
            break
        paragraph.extend(text.choose(sentences))
    return _laid_out(first, prose, make, use, longest)


def _laid_out(first: list[str], prose: list[str], make: list[str], use: list[str], longest: int) -> str:
    """Paragraphs of a few sentences each, cut at a sentence's end."""
    half = len(prose) if len(prose) < 6 else (len(prose) + 1) // 2
    paragraphs = [[*first, *prose[:half]], prose[half:], _joined(make), _joined(use)]
    if len(use) < 2:
        paragraphs[2:] = [_joined([*make, *use])]
    if not prose:
        paragraphs[0:1] = [[*first, *paragraphs[2][:3]]]
        paragraphs[2] = paragraphs[2][3:]
    texts, left = [], longest
    for paragraph in paragraphs:
        kept = []
        for sentence in paragraph:
            left -= len(sentence) + 1
            if left < 0:
                break
            kept.append(sentence)
        if kept:
            texts.append(" ".join(kept))
            left -= 1
    return "\n\n".join(texts)


def _joined(sentences: list[str]) -> list[str]:
    """Join consecutive short statements: "The pattern is floral, and the shape is round."."""
    joined: list[str] = []
    open_pair = True
    for sentence in sentences:
        short = _SHORT_STATEMENT.fullmatch(sentence) and len(sentence.split()) < 9 and " and " not in sentence
        if joined and short and open_pair and _SHORT_STATEMENT.fullmatch(joined[-1]) and " and " not in joined[-1]:
            second = "t" + sentence[1:-1]
            joined[-1] = phrases().joined.format(first=joined[-1].rstrip("."), second=second)
            open_pair = False
        else:
            joined.append(sentence)
            open_pair = bool(short)
    return joined


def _most_informative(sentences: list[str], room: int, keys: frozenset[str]) -> list[str]:
    """The sentences with most information per word, in the source's order.

    Numbers and words of name, attributes and features count for a sentence, "you" and "our" against it.
    """
    if _count(sentences) <= room:
        return sentences

    def worth(place: int) -> float:
        words = content_words(sentences[place])
        numbers = sum(word[0].isdigit() for word in words)
        chatter = sum(word.strip(",.'’").lower() in _SHOP_TALK for word in sentences[place].split())
        length = max(8, len(sentences[place].split()))
        return (4 if place == 0 else 0) + (2 * len(words & keys) + 3 * numbers - 2 * chatter) * 10 / length

    kept: set[int] = set()
    for place in sorted(range(len(sentences)), key=lambda place: (-worth(place), place)):
        words = len(sentences[place].split())
        if words <= room:
            kept.add(place)
            room -= words
    return [sentences[place] for place in sorted(kept)]


def _is_stated(fact: Fact, covered: list[frozenset[str]]) -> bool:
    """Whether a chosen sentence has all words of the value, and for a single word the attribute's name too."""
    if fact.yes is not None:
        return is_covered(content_words(fact.name), covered)
    words = content_words(fact.value)
    if len(words) < 2:
        words |= content_words(fact.name)
    return any(words <= sentence for sentence in covered)


def _keywords(facts: list[Fact], features: list[str], name: str) -> frozenset[str]:
    return content_words(" ".join([name, *features, *(f"{fact.name} {fact.value}" for fact in facts)]))


def _list_sentence(fragments: list[str], in_features: list[frozenset[str]], voice: Voice) -> list[str]:
    new = [phrase for phrase in fragments if not is_covered(content_words(phrase), in_features)]
    new = [phrase for phrase in dict.fromkeys(new) if not is_about_the_shop(phrase)]
    if not new:
        return []
    return [voice.choose("fragments", phrases().fragments).format(value=in_words(new[:6]))]


def _feature_sentences(features: list[str], facts: list[Fact]) -> list[str | None]:
    labels = {fact.label for fact in facts}
    return [as_sentence(feature) for feature in features if feature not in labels]


def _path_sentence(path: list[str], voice: Voice) -> list[str]:
    levels = in_words(list(dict.fromkeys(path)))
    return [voice.choose("path", phrases().paths).format(path=levels)] if len(path) > 2 else []


@lru_cache(maxsize=1024)
def count_words(text: str) -> int:
    """Number of words with a letter or digit: a lone "&" or "–" is none."""
    return len(text.split()) - len(_LONE_SIGNS.findall(text))


def _count(sentences: Iterable[str]) -> int:
    return sum(map(count_words, sentences))
