"""Whether a sentence uses a word about something other than the product.

"Safe for oak floors", "oak-like", "unlike oak", "set a marble tray on top" and "a gluten-free stew" do.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.judge.claims.attribution import is_made_of
from walmart_pipeline.judge.claims.context import NEXT_WORD, PARTS, STOP, either, is_negated
from walmart_pipeline.text import tokenizer

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
# What is with the product, or goes into it, after a verb or preposition: "wash with a", "mix two parts".
_BESIDE = re.compile(
    r"\b(?:with|to|into|onto|under|over|on|add|mix|pour|serve|pair|use|try|parts?|of)\s+"
    r"(?:it\s+with\s+)?(?:an?\s+|your\s+|some\s+|any\s+|the\s+)?(?:[a-z]+\s+)?$"
)
_UNDER = re.compile(r"\b(?:under|over|beneath|inside)\s+an?\s+$")
# Whatever a product is, a text may call it so.
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
    """Whether the reader is told to put something on it or beside it: "set a marble tray on top"."""
    if _PUT.search(left) or (_IN_A_THING.search(left) and not _COMES_IN.search(left)):
        return True
    return _IMPERATIVE.search(left) is not None and _ARTICLE.search(left) is not None


def is_for_others(left: str, right: str) -> bool:
    """Whether a claim such as vegan describes the people or dishes that the product is for."""
    return bool(_USERS.match(right) or _FOR_OTHERS.search(left))


def is_of_a_thing_beside(left: str, right: str, known: AbstractSet[str]) -> bool:
    """Whether a claim describes another thing: sugar-free jam on a peanut butter, fragrance-free detergent for sheets.

    known: stems of what the product may be called. Such a thing has its name right behind the claim.
    """
    thing = NEXT_WORD.match(right)
    if thing is None or thing[1] in STOP or tokenizer.stem(thing[1]) in known | _ANY_PRODUCT:
        return False
    return bool(_UNDER.search(left) or (tokenizer.stem(thing[1]) not in PARTS and _BESIDE.search(left)))


def names_another_thing(right: str, known: AbstractSet[str]) -> bool:
    """Whether what comes next has a name that the record does not hold: the crumble of "sugar-free crumble"."""
    thing = NEXT_WORD.match(right)
    return thing is not None and thing[1] not in STOP and tokenizer.stem(thing[1]) not in known | PARTS | _ANY_PRODUCT
