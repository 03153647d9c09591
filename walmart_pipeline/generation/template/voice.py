"""Words a product's sentences: the choice among phrases, the noun, grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass
from zlib import crc32

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template.attributes import Fact
from walmart_pipeline.generation.template.phrases import Family, phrases
from walmart_pipeline.generation.template.words import capitalised, is_plural

_NAME_END = re.compile(r"\b(?:for|with|compatible|w/|by|from|in)\b|[,(|]|\s[-–—]\s", re.IGNORECASE)
_ANSWER = re.compile(r"(?:yes|no|none)\b", re.IGNORECASE)
# Last words of category names that are no product noun.
# fmt: off
_NO_THINGS = frozenset({
    "accessories", "supplies", "default", "other", "products", "items", "general", "more", "parts",
    "essentials", "women", "womens", "men", "mens", "girls", "boys", "kids", "baby", "toddler", "adults",
})
# fmt: on


@dataclass(frozen=True)
class Voice:
    """One product's wording; the same facts give the same choices. noun: a word of its name, or "item" or "product"."""

    seed: str
    noun: str
    plural: bool
    family: Family | None

    def choose(self, key: str, options: tuple[str, ...]) -> str:
        """One of the options, by a hash of facts and key."""
        return options[crc32(f"{self.seed}{key}".encode()) % len(options)]

    def sentence(self, fact: Fact, *, by_noun: bool) -> str:
        """One fact as a sentence; by_noun: with "the kettle" as its subject rather than "it"."""
        own = phrases()
        name, value = fact.name, fact.value
        if fact.yes is not None:
            template, name = self._boolean(fact)
        else:
            key = fact.kind.name if fact.kind is not own.other else name
            template = self.choose(key, self._options(fact))
        subject = f"the {self.noun}" if by_noun else ("they" if self.plural else "it")
        return template.format(
            It=capitalised(subject),
            lower_object=f"the {self.noun}" if by_noun else ("them" if self.plural else "it"),
            **{"is": "are" if self.plural else "is"},
            has="have" if self.plural else "has",
            s="" if self.plural else "s",
            value=value,
            name=name,
            Name=capitalised(name),
            a_name=f"{'an' if name[:1] in 'aeiou' else 'a'} {name}",
            name_is="are" if _is_plural_name(name) else "is",
        )

    def opening(self, name: str, product: Product, *, brand_in_name: bool) -> str:
        """The first sentence, from name, brand and category."""
        own = phrases()
        brand = product.brand if not brand_in_name else None
        if not product.category:
            options = own.openings["branded_only" if brand else "bare"]
        elif brand:
            options = own.openings["branded"]
        elif self.family and len(product.category) > 1:
            options = self.family.openings
        else:
            options = own.openings["named"]
        department, category = (product.category[0], product.category[-1]) if product.category else ("", "")
        template = self.choose("opening", options)
        return capitalised(template.format(name=name, brand=brand, department=department, category=category))

    def _options(self, fact: Fact) -> tuple[str, ...]:
        own = phrases()
        if _ANSWER.match(fact.value):
            return own.answered
        if fact.kind is own.other:
            if fact.value.isdigit() and _is_plural_name(fact.name):
                return own.counted
            in_words = " " in fact.value and not any(map(str.isdigit, fact.value))
            return own.other_in_words if in_words else fact.kind.templates
        if self.family and fact.kind.name in self.family.kinds:
            return self.family.kinds[fact.kind.name]
        return fact.kind.templates

    def _boolean(self, fact: Fact) -> tuple[str, str]:
        own = phrases()
        answer = "yes" if fact.yes else "no"
        before, _, last = fact.name.rpartition(" ")
        if before and last in {"required", "included"}:
            return own.booleans[f"{last}_{answer}"], before
        adjective = last in own.boolean_adjectives
        return own.booleans[f"{'adjective' if adjective else 'any'}_{answer}"], fact.name


def voice_of(product: Product, name: str) -> Voice:
    """The voice of a product. name: its cleaned name."""
    seed = product.facts_hash
    noun = _noun(name, product.category)
    if noun is None:
        nouns = phrases().nouns
        noun = nouns[crc32(seed.encode()) % len(nouns)]
    return Voice(seed=seed, noun=noun, plural=is_plural(noun), family=_family(product.category))


def _is_plural_name(name: str) -> bool:
    """Whether a name's main noun is plural: "number of pieces" is singular."""
    return is_plural(re.split(r" (?:of|for) ", name, maxsplit=1)[0].rsplit(" ", 1)[-1])


def _noun(name: str, category: list[str]) -> str | None:
    """The last word of the narrowest category, in the form of the name."""
    if not category:
        return None
    end = _NAME_END.search(name, 12)
    words = {_singular(word.lower()): word.lower() for word in (name[: end.start()] if end else name).split()}
    found = set()
    narrow = category[-1].lower().split(" for ")[0]
    for part in re.split(r"\s*(?:&|,|/|\band\b)\s*", narrow):
        last = part.rsplit(" ", 1)[-1]
        # "Kettles" are things, "Drip Irrigation" is a field: categories name things in the plural
        if last not in _NO_THINGS and last.isalpha() and is_plural(last):
            found |= {words[form] for form in (_singular(last), last.removesuffix("es")) if form in words}
    return found.pop() if len(found) == 1 else None


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _family(category: list[str]) -> Family | None:
    """The first family that matches the two broadest levels, or else the others ("Coffee Tables" are no food)."""
    for levels in (category[:2], category[2:]):
        low = " / ".join(levels).lower()
        words = set(re.findall(r"[a-z]+", low))
        for family in phrases().families:
            if not words.isdisjoint(family.words) or any(" " in phrase and phrase in low for phrase in family.words):
                return family
    return None
