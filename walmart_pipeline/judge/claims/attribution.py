"""Whether a sentence attributes a material, colour or scent to the product.

"Made of oak", "oak frame", "in red" and "vanilla flavor" do.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.judge.claims.context import PARTS, either, is_negated, part
from walmart_pipeline.judge.claims.vocabulary import Kind
from walmart_pipeline.text import tokenizer

_MADE = either(
    r"""made | crafted | constructed | built | woven | handwoven | formed | cast | molded | moulded | carved | cut
    | knit | sewn | forged | fashioned | manufactured | produced | composed | tailored"""
)
_COATED = either(
    r"""finished | upholstered | wrapped | covered | lined | coated | trimmed | clad | padded | strung | printed
    | filled | stuffed"""
)
_MADE_OF = re.compile(
    rf"\b(?:{_MADE}(?:\s+(?:entirely|only|mostly))?\s+(?:of|from|with|in|out of|using)|{_COATED} (?:in|with|on)"
    r"|(?:pieces?|sheet|blocks?|slab|layers?|construction|body|frame|shell|housing|core) of|consists? of|set in"
    r"|(?:materials?|fabric|fabric type|upholstery|composition)(?:\s+(?:is|are)|\s*:|\s+of))"
    r"\s+(?:[\w'%-]+,?\s+){0,4}$"
)
_PURE = re.compile(
    r"(?:\b\d+\s*%|\b(?:percent|pure|genuine|real|solid|full[- ]grain|top[- ]grain|authentic|handcrafted|hand-carved))"
    r"\s+(?:[\w'-]+\s+)?$"
)
_COLORED = re.compile(
    r"(?:\b(?:comes in|available in|offered in|finished in|arrives in|shown in|painted|dyed|tinted|in all|colou?red|"
    r"(?:the |its )?(?:colou?rs?|finish|shade)(?:\s+(?:is|are)|\s*:)|(?:shade|hue|tone|touch|splash|pop)s? of)\s+"
    r"(?:[\w'-]+,?\s+){0,3}|\b(?:in)\s+(?:an? |the )?(?:[\w'-]+\s+)?)$"
)
_SHADED = re.compile(
    r"\b(?:matte|matt|glossy|gloss|deep|bright|dark|light|pale|vibrant|rich|bold|classic|solid|vivid|sleek|crisp|royal|"
    r"jet|pastel|neon|metallic|brushed|polished|soft|muted|warm|cool|all|elegant|timeless|fresh)[\s-]+$"
)
_BEING = re.compile(r"\b(it|they|this|these|[a-z]+)(?:'s|'re|\s+(?:is|are|comes|dries|looks))\s+(?:[\w-]+\s+){0,3}$")
_DEFINITE = re.compile(r"^\s*the\s+(?:[\w-]+\s+){0,2}$")
_VERB = re.compile(r"\s+(?:is|are|has|was|keeps|holds|feels|looks|stays|resists|wipes|gives|will|won't|does)\b")
# "Waxed cotton canvas gives the organizer a rugged look."
_BEGINS = re.compile(r"^\s*(?:[a-z-]+\s+){0,2}$")
_DOES = re.compile(
    r"\s+(?:[a-z]+\s+)?(?:gives|lends|covers|keeps|adds|brings|makes|wraps|forms|blocks)\s+(?:the|this|it|its)\b"
)
_OWN = re.compile(r"(?:^|[.!?,]\s+)(?:this|these|its|our)\s+(?:[\w-]+\s+)?$")
_ENDS = re.compile(r"\s*(?:$|[,.)(!;:/&-]|and\b|or\b|with\b|in\b|for\b|to\b|that\b|so\b|finish|colou?r)")
# "In cream" is a colour, "in a light cream" is a cream.
_IN_A = re.compile(r"\bin an?\s+(?:[\w'-]+\s+)?$")
_WHEN = re.compile(r"\b(?:when|once|if|until|unless)\b[^,]*$")
_PRONOUNS = frozenset({"it", "they", "this", "these"})
_NONE = re.compile(r"\b(?:no|not|without|never|free (?:of|from)|unlike|instead of)\b[^.;]*$")
_TASTE_AFTER = re.compile(
    r"[\s-]*(?:flavou?r(?:ed|s|ing)?|scent(?:ed)?|fragrance|aroma|extract|essence|infused|oil|flowers?|petals"
    r"|seasoning|powder|coating|glaze|filling|topping|bits)\b"
    r"|[^.;,]*\bingredients?\b"
)
_TASTE_BEFORE = re.compile(
    r"\b(?:(?:scent|aroma|fragrance|hints?|notes?|flavou?rs?|tastes?|smells?) of"
    r"|(?:blended|infused|flavou?red|scented|enriched|made|packed|loaded) with)"
    r"\s+(?:[a-z]+\s+)?(?:[a-z]+\s+(?:and|&)\s+)?$"
)


def is_made_of(left: str) -> bool:
    """Whether these words say what something is made of."""
    return _MADE_OF.search(left) is not None


def is_taste_attributed(left: str, right: str, *, is_oil: bool) -> bool:
    """Whether a scent, flavour or ingredient is attributed to the product: "vanilla flavor", "with rose", an oil."""
    if is_negated(left) or _NONE.search(left):
        return False
    return bool(is_oil or _TASTE_AFTER.match(right) or _TASTE_BEFORE.search(left))


def is_stated(kind: Kind, left: str) -> bool:
    """Whether these words before a material or colour say that the product has it."""
    if kind == "color":
        return _COLORED.search(left) is not None
    return bool(_MADE_OF.search(left) or _PURE.search(left))


def is_attributed(kind: Kind, left: str, right: str, nouns: AbstractSet[str], *, ordinary: bool) -> bool:
    """Whether the sentence attributes the word to the product, whose names are `nouns` (stems), or to a part of it."""
    ends = _ENDS.match(right) is not None
    whose = part(right, nouns)
    if whose is not None:
        return True
    if is_stated(kind, left) and (kind != "color" or ends):
        return not (ordinary and _IN_A.search(left))
    # "Made of blue, lead-free crystal".
    if kind == "color" and _MADE_OF.search(left) and part(right.replace(",", ""), nouns):
        return True
    if kind == "material" and _DEFINITE.search(left) and _VERB.match(right):
        return True
    if kind == "material" and _BEGINS.match(left) and _DOES.match(right):
        return True
    if not ends:
        return _OWN.search(left) is not None
    if kind == "color" and not ordinary and _SHADED.search(left):
        return True
    being = None if _WHEN.search(left) else _BEING.search(left)
    return being is not None and (being[1] in _PRONOUNS or tokenizer.stem(being[1]) in nouns | PARTS)
