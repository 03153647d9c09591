"""Whether a sentence attributes a word to the product or to something else.

"Made of oak", "oak frame" and "vanilla flavor" do the first, "safe for oak floors" and "unlike oak" the second.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.judge.claims.vocabulary import Kind, vocabulary
from walmart_pipeline.text import tokenizer

PARTS = vocabulary().parts
# Words that end the name of a thing.
STOP = tokenizer.STOP_WORDS - {"and", "or"} | {"while", "but", "when", "into", "which", "also", "can", "makes", "keeps"}
NEXT_WORD = re.compile(r"[\s-]+([a-z][a-z']*)")
_DENIED = re.compile(
    r"\b(?:not|no|non|without|never|isn't|aren't|doesn't|don't|unlike|than|instead of|rather than|neither|nor|lacks)"
    r"(?!\s+(?:only|just)\b)(?:[\s-]+[\w'-]+){0,3}[\s-]*$"
)
# What a product's name may be followed by without being of another thing: "a red towel set".
_WHOLE = frozenset(
    tokenizer.stem(word) for word in "set pack kit collection pair version model design style piece one".split()
)
# What follows the end of a noun; the second if the word may be a verb: "a teak bath mat with", "canvas work pants,".
_NOUN_ENDS = re.compile(r"\s*(?:$|[,.;:!?)]|(?:and|or|with|for|in|on|over|under|at|of)\b)")
_LISTED_ENDS = re.compile(r"\s*(?:,|(?:and|or)\b)")


def either(text: str) -> str:
    """Regex alternation of alternatives that are separated by bars, over several lines."""
    return f"(?:{'|'.join(part.strip() for part in text.strip().split('|'))})"


def is_negated(left: str) -> bool:
    """Whether a word after this context is negated."""
    return _DENIED.search(left) is not None


def part(right: str, nouns: AbstractSet[str]) -> str | None:
    """Stem of the product's or a part's name in the next three words: "frame" of "oak and brass frame".

    A name before another noun only modifies it: a teak bath mat is no bath.
    """
    at, known = 0, None
    for _ in range(3):
        match = NEXT_WORD.match(right, at)
        if match is None:
            return None
        word = match[1].removesuffix("'s")
        stem = tokenizer.stem(word)
        if stem in nouns or stem in PARTS:
            if word != stem or not _is_noun(right, match.end()):
                return stem
            known = stem
        elif known and stem in _WHOLE:
            return known
        elif word in STOP:
            return None
        at = match.end()
    return None


def _is_noun(right: str, at: int) -> bool:
    """Whether another noun follows, and no verb ("buckle fastens with snaps") or adjective ("case easy to grip")."""
    following = NEXT_WORD.match(right, at)
    if following is None or following[1] in STOP or right[at] == "-":
        return False
    # "Canvas work pants," against "the frame folds."
    ends = _LISTED_ENDS if following[1].endswith("s") else _NOUN_ENDS
    return ends.match(right, following.end()) is not None


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
    """Whether this context states what something is made of."""
    return _MADE_OF.search(left) is not None


def is_taste_attributed(left: str, right: str, *, is_oil: bool) -> bool:
    """Whether a scent, flavour or ingredient is attributed to the product: "vanilla flavor", "with rose", an oil."""
    if is_negated(left) or _NONE.search(left):
        return False
    return bool(is_oil or _TASTE_AFTER.match(right) or _TASTE_BEFORE.search(left))


def is_stated(kind: Kind, left: str) -> bool:
    """Whether the context before a material or colour states that the product has it."""
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


# Words that may stand between a preposition and what it governs: "for hard wood, glass and metal surfaces".
_BETWEEN = (
    either(
        r"""your | any | all | most | the | a | an | both | other | hard | soft | smooth | flat | many | various
        | different | several | delicate | bare | painted | raw | finished | unfinished | sealed | and | or
        | existing | real | surfaces? | fabrics? | like | such as | including | everyday"""
    )
    + r"\s+"
)
_LISTED = r"[\w'-]+,\s+(?:and |or )?|(?:[\w'-]+\s+){1,3}(?:and|or|&)\s+|[\w'-]+/"
_USED = either(
    r"""compatible | works? | use | used | pairs? | pairs? well | goes | go | goes well | looks great | blends?
    | coordinates? | served? | wipe | wipes | clean | dry | dust | wash | washes"""
)
# After these comes something that the product is used with, or is not.
_GOVERNS = either(
    rf"""for | onto | against | through | beside | near | between | under | over | beneath | atop | to | suits?
    | {_USED} with | \w+ (?:it|them) with | (?:safe|works?|use|used|great|gentle|wonders|tough|mounts?) on
    | clean(?:s|ing)? | polish(?:es|ing)? | protect(?:s|ing)? | remov(?:es|ing) | cut(?:s|ting)? | drill(?:s|ing)?
    | brighten(?:s|ing)? | whiten(?:s|ing)? | restor(?:es|ing) | sand(?:s|ing) | saw(?:s|ing)? | scratch(?:es|ing)?
    | already (?:own|have) | to fill | hid(?:e|es|ing) | stor(?:e|es|ing) | stash(?:es)? | organiz(?:e|es|ing)
    | than | unlike | like | the way | versus | vs\.? | instead of | rather than | compared (?:to|with) | similar to
    | alternative to | match(?:es|ing)? | replac(?:es|ing) | imitat(?:es|ing) | resembl(?:es|ing) | mimic(?:s|king)?
    | (?:look|feel|appearance) of | reminiscent of | inspired by
    | not | no | non | without | never | isn't | aren't | free (?:of|from) | neither | nor | nothing"""
)
_OTHERS = re.compile(rf"\b{_GOVERNS}(?!\s+(?:only|just)\b)[\s-]+(?:{_BETWEEN}|{_LISTED}){{0,8}}(?:[\w'-]+\s+)?$")
# "Pour into a glass carafe", "stand the soap on a teak dish".
_PUT = re.compile(
    r"\b(?:(?:into|onto|against|across)\s+(?:an?|your|any)|of\s+an?"
    r"|(?:stand|set|place|put|rest|lay|hang|store|keep|stick)\s+(?:it|them|the\s+[a-z]+|this\s+[a-z]+)\s+(?:[a-z]+\s+){0,3}?"
    r"(?:on|in|from|over|under)\s+(?:an?|your|the))\s+(?:[\w'-]+\s+){0,2}$"
)
# "Set a brass lamp or a marble tray on top", "hang it above a steel sink", "imagine a golden crown".
_IMPERATIVE = re.compile(
    r"(?:^\W*|[,:;–—]\s*|\b(?:and|then|or|so)\s+)(?:add|keep|set|hang|pair|imagine|picture|put|place|stack|try|wear|match|team|"
    r"layer|style|drape|lean|tuck|slip|stand|throw|toss|pour|reach|swap|serve)\b"
)
_ARTICLE = re.compile(r"\ban?\s+(?:(?:[\w'-]+\s+){0,2}|[^.;]*,\s+(?:[\w'-]+\s+)?)$")
# "A patty in a paper sleeve", but "comes in a wooden box".
_IN_A_THING = re.compile(r"\bin an?\s+(?:[\w'-]+\s+)?$")
_COMES_IN = re.compile(
    r"\b(?:comes?|housed|encased|wrapped|set|built|sealed|finished|available|offered|packed|packaged|arrives|rolled|made)"
    r"\s+in an?\s+(?:[\w'-]+\s+)?$"
)
# "Many wool and jute rugs need a cleaner."
_ANY = re.compile(
    r"\b(?:many|most|some|other|ordinary|regular|typical|traditional|conventional)\s+(?:[\w-]+\s+(?:and|or)\s+)?$"
)
# "Looks good with navy trunks, a yellow top or sandals", "wear it with khaki shorts".
_WORN = re.compile(
    r"\b(?:looks? (?:good|great|lovely|nice|right|sharp|smart|at home)|goes|go|pairs?|blends?"
    r"|sits? (?:comfortably|well)|(?:wear|layers?) (?:it|them))\b"
    r"[^.;]*\b(?:with|beside|against|alongside|next to|over|under)\s(?!its\b|the\b)[^.;]*$"
)
# The steel hood of a truck.
_OF_A = re.compile(r"\s+([a-z]+)\s+of\s+(?:an?|your|any|another)\s+[a-z]+")
# After a word these make something else of it: oak-like, glass cleaner, gold tone.
_NOT_THIS = re.compile(
    r"[\s-]*"
    + either(
        r"""like | looks? | toed?(?!\s+caps?) | effect | styled? | inspired | tone | toned | tones | free | safe
        | friendly
        | scent(?:ed)? | flavou?r(?:ed)? | surfaces? | floors? | furniture polish | cleaners? | polish | conditioner
        | stains? | saws? | screws?(?!\s+(?:caps?|lids?|tops?))
        | nails | glue | filler | burning | stoves? | chips | pellets? | walls? | doors?
        | countertops? | recipes? | diets? | lifestyles? | eaters? | lovers? | cooking | baking | people
        | households? | (?:or|and) (?:tiles?|carpets?|laminate|linoleum|rugs?)"""
    )
    + r"\b"
)
_USERS = re.compile(
    r"[\s-]*(?:recipes?|diets?|lifestyles?|cooking|baking|eaters?|lovers?|people|households?|gardening|farms?|farming|"
    r"cooks?|bakers?|gardens?|foods?|ingredients|phones?|cases?|mornings?|days|nights|moments|way|ways|manner|feel|"
    r"flow|rhythm)\b"
)
# Something used with the product, after a verb or preposition: "wash with a", "mix two parts".
_BESIDE = re.compile(
    r"\b(?:with|to|into|onto|under|over|on|add|mix|pour|serve|pair|use|try|parts?|of)\s+"
    r"(?:it\s+with\s+)?(?:an?\s+|your\s+|some\s+|any\s+|the\s+)?(?:[a-z]+\s+)?$"
)
_UNDER = re.compile(r"\b(?:under|over|beneath|inside)\s+an?\s+$")
# Words for any product.
_ANY_PRODUCT = frozenset(
    tokenizer.stem(word)
    for word in """
    formula product item recipe blend ingredient treat snack food meal option choice quality plastic coating
    protection performance goodness certified construction comfort care base line range collection set kit bottle
    bag gear accessory solution one pick staple essential
    """.split()
)
_FOR_OTHERS = re.compile(
    r"\b(?:for|unlike|than|like|pairs? with|on|if you (?:are|eat|live|cook))\s+(?:your|any|all|an?|the)?\s*$"
)


def is_about_others(left: str, right: str) -> bool:
    """Whether a word in this context describes something else, or is negated."""
    if _NOT_THIS.match(right) or _OF_A.match(right) or is_negated(left) or _ANY.search(left) or _WORN.search(left):
        return True
    return not is_made_of(left) and _OTHERS.search(left) is not None


def is_placed_beside(left: str) -> bool:
    """Whether the text suggests putting something on or beside the product: "set a marble tray on top"."""
    if _PUT.search(left) or (_IN_A_THING.search(left) and not _COMES_IN.search(left)):
        return True
    return _IMPERATIVE.search(left) is not None and _ARTICLE.search(left) is not None


def is_for_others(left: str, right: str) -> bool:
    """Whether a claim such as vegan describes the people or dishes that the product is for."""
    return bool(_USERS.match(right) or _FOR_OTHERS.search(left))


def is_of_a_thing_beside(left: str, right: str, known: AbstractSet[str]) -> bool:
    """Whether a claim describes another thing: sugar-free jam on a peanut butter, fragrance-free detergent for sheets.

    known: stems of the product's own names. The other thing's name directly follows the claim.
    """
    thing = NEXT_WORD.match(right)
    if thing is None or thing[1] in STOP or tokenizer.stem(thing[1]) in known | _ANY_PRODUCT:
        return False
    return bool(_UNDER.search(left) or (tokenizer.stem(thing[1]) not in PARTS and _BESIDE.search(left)))


def names_another_thing(right: str, known: AbstractSet[str]) -> bool:
    """Whether the next word names something that the record lacks: the crumble of "sugar-free crumble"."""
    thing = NEXT_WORD.match(right)
    return thing is not None and thing[1] not in STOP and tokenizer.stem(thing[1]) not in known | PARTS | _ANY_PRODUCT
