"""Whether a sentence says a word of the product, or of something else.

"Made of oak", "oak frame" and "in red" say it; "safe for oak floors", "oak-like", "unlike oak", "not red" do not.

Belongs here: what the words before and after do to a material, colour, size or claim.
Does not: which words those are (vocabulary.yaml), or what the record has (record.py).
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.quality import texts
from walmart_pipeline.quality.grounding.parts import PARTS
from walmart_pipeline.quality.grounding.vocabulary import Kind

# How far before and after a word its sentence is read, in characters.
REACH = 90
_SENTENCE_END = re.compile(r"[.!?;]\s|[\n;]")


def _either(text: str) -> str:
    """The alternatives of a text, one or several a line, divided by bars."""
    return f"(?:{'|'.join(part.strip() for part in text.strip().split('|'))})"


# Words that may stand between a preposition and what it governs: "for hard wood, glass and metal surfaces".
_BETWEEN = (
    _either(
        r"""your | any | all | most | the | a | an | both | other | hard | soft | smooth | flat | many | various
        | different | several | delicate | bare | painted | raw | finished | unfinished | sealed | and | or
        | existing | real | surfaces? | fabrics? | like | such as | including | everyday"""
    )
    + r"\s+"
)
_LISTED = r"[\w'-]+,\s+(?:and |or )?|(?:[\w'-]+\s+){1,3}(?:and|or|&)\s+|[\w'-]+/"
_USED = _either(
    r"""compatible | works? | use | used | pairs? | pairs? well | goes | go | goes well | looks great | blends?
    | coordinates? | served? | wipe | wipes | clean | dry | dust | wash | washes"""
)
# After these comes something that the product is used with, or is not.
_GOVERNS = _either(
    rf"""for | onto | against | through | beside | near | between | under | over | beneath | atop | to | suits?
    | {_USED} with | \w+ (?:it|them) with | (?:safe|works?|use|used|great|gentle|wonders|tough|mounts?) on
    | clean(?:s|ing)? | polish(?:es|ing)? | protect(?:s|ing)? | remov(?:es|ing) | cut(?:s|ting)? | drill(?:s|ing)?
    | brighten(?:s|ing)? | whiten(?:s|ing)? | restor(?:es|ing) | sand(?:s|ing) | saw(?:s|ing)? | scratch(?:es|ing)?
    | already (?:own|have)
    | than | unlike | like | the way | versus | vs\.? | instead of | rather than | compared (?:to|with) | similar to
    | alternative to | match(?:es|ing)? | replac(?:es|ing) | imitat(?:es|ing) | resembl(?:es|ing) | mimic(?:s|king)?
    | (?:look|feel|appearance) of | reminiscent of | inspired by
    | not | no | non | without | never | isn't | aren't | free (?:of|from) | neither | nor | nothing"""
)
_OTHERS = re.compile(rf"\b{_GOVERNS}(?!\s+(?:only|just)\b)[\s-]+(?:{_BETWEEN}|{_LISTED}){{0,8}}(?:[\w'-]+\s+)?$")
_DENIED = re.compile(
    r"\b(?:not|no|non|without|never|isn't|aren't|doesn't|don't|unlike|than|instead of|rather than|neither|nor|lacks)"
    r"(?!\s+(?:only|just)\b)(?:[\s-]+[\w'-]+){0,3}[\s-]*$"
)
# "Pour into a glass carafe", "stand the soap on a teak dish".
_PUT = re.compile(
    r"\b(?:(?:into|onto|against|across)\s+(?:an?|your|any)"
    r"|(?:stand|set|place|put|rest|lay|hang|store|keep|stick)\s+(?:it|them|the\s+[a-z]+|this\s+[a-z]+)\s+(?:[a-z]+\s+){0,3}?"
    r"(?:on|in|from|over|under)\s+(?:an?|your|the))\s+(?:[\w'-]+\s+){0,2}$"
)
# "Set a brass lamp or a marble tray on top", "hang it above a steel sink", "imagine a golden crown".
_IMPERATIVE = re.compile(
    r"^\W*(?:add|set|hang|pair|imagine|picture|put|place|stack|try|wear|match|team|layer|style|drape|lean|tuck|slip|stand|throw|"
    r"toss|pour|reach|swap|serve)\b"
)
_ARTICLE = re.compile(r"\ban?\s+(?:[\w'-]+\s+){0,2}$|,\s+(?:[\w'-]+\s+)?$")
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
    r"\b(?:looks? (?:good|great|nice|right|at home)|goes|go|pairs?|(?:wear|layers?) (?:it|them)|sits? comfortably)\b"
    r"[^.;]*\bwith\s(?!its\b|the\b)[^.;]*$"
)
# The steel hood of a truck.
_OF_A = re.compile(r"\s+([a-z]+)\s+of\s+(?:an?|your|any|another)\s+[a-z]+")
_WHEN = re.compile(r"\b(?:when|once|if|until|unless)\b[^,]*$")
# After a word these make something else of it: oak-like, glass cleaner, gold tone.
_NOT_THIS = re.compile(
    r"[\s-]*"
    + _either(
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
_MADE = _either(
    r"""made | crafted | constructed | built | woven | handwoven | formed | cast | molded | moulded | carved | cut
    | knit | sewn | forged | fashioned | manufactured | produced | composed | tailored"""
)
_COATED = _either(
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
_NEXT_WORD = re.compile(r"[\s-]+([a-z][a-z']*)")
# What a product's name may be followed by without being of another thing: "a red towel set".
_WHOLE = frozenset(
    texts.stem(word) for word in "set pack kit collection pair version model design style piece one".split()
)
# Behind these a noun ends, the second where the word may be a verb: "a teak bath mat with", "canvas work pants,".
_NOUN_ENDS = re.compile(r"\s*(?:$|[,.;:!?)]|(?:and|or|with|for|in|on|over|under|at|of)\b)")
_LISTED_ENDS = re.compile(r"\s*(?:,|(?:and|or)\b)")
_PRONOUNS = frozenset({"it", "they", "this", "these"})
_STOP = texts.STOP_WORDS - {"and", "or"} | {"while", "but", "when", "into", "which", "also", "can", "makes", "keeps"}
_USERS = re.compile(
    r"[\s-]*(?:recipes?|diets?|lifestyles?|cooking|baking|eaters?|lovers?|people|households?|gardening|farms?|farming|"
    r"cooks?|bakers?|gardens?|foods?|ingredients|phones?|cases?|mornings?|days|nights|moments|way|ways|manner|feel|"
    r"flow|rhythm)\b"
)
_NONE = re.compile(r"\b(?:no|not|without|never|free (?:of|from)|unlike|instead of)\b[^.;]*$")
_TASTE_BEHIND = re.compile(
    r"[\s-]*(?:flavou?r(?:ed|s|ing)?|scent(?:ed)?|fragrance|aroma|extract|essence|infused|oil|flowers?|petals"
    r"|seasoning|powder|coating|glaze|filling|topping|bits)\b"
    r"|[^.;,]*\bingredients?\b"
)
_TASTE_AHEAD = re.compile(
    r"\b(?:(?:scent|aroma|fragrance|hints?|notes?|flavou?rs?|tastes?|smells?) of"
    r"|(?:blended|infused|flavou?red|scented|enriched|made|packed|loaded) with)"
    r"\s+(?:[a-z]+\s+)?(?:[a-z]+\s+(?:and|&)\s+)?$"
)
# What is with the product, or goes into it, after a verb or preposition: "wash with a", "mix two parts".
_BESIDE = re.compile(
    r"\b(?:with|to|into|onto|under|over|on|add|mix|pour|serve|pair|use|try|parts?|of)\s+"
    r"(?:it\s+with\s+)?(?:an?\s+|your\s+|some\s+|any\s+|the\s+)?(?:[a-z]+\s+)?$"
)
_UNDER = re.compile(r"\b(?:under|over|beneath|inside)\s+an?\s+$")
# Whatever a product is, a text may call it so.
_ANY_PRODUCT = frozenset(
    texts.stem(word)
    for word in """
    formula product item recipe blend ingredient treat snack food meal option choice quality plastic coating
    protection performance goodness certified construction comfort care base line range collection set kit bottle
    bag gear accessory solution one pick staple essential
    """.split()
)
_FOR_OTHERS = re.compile(
    r"\b(?:for|unlike|than|like|pairs? with|on|if you (?:are|eat|live|cook))\s+(?:your|any|all|an?|the)?\s*$"
)


def before(folded: str, start: int) -> str:
    """The sentence up to a word, as far as it is read."""
    return _SENTENCE_END.split(folded[max(0, start - REACH) : start])[-1]


def after(folded: str, end: int) -> str:
    """The sentence from the end of a word on, as far as it is read."""
    return _SENTENCE_END.split(folded[end : end + REACH], maxsplit=1)[0]


def is_asked(folded: str, end: int) -> bool:
    """Whether the sentence is a question, which states nothing."""
    stop = _SENTENCE_END.search(f"{folded[end : end + REACH]}\n")
    return stop is not None and stop.group().startswith("?")


def is_denied(ahead: str) -> bool:
    """Whether a word after `ahead` is said not to be so."""
    return _DENIED.search(ahead) is not None


def is_of_others(ahead: str, behind: str) -> bool:
    """Whether a word between these is said of something else, or not to be so."""
    if _NOT_THIS.match(behind) or _OF_A.match(behind) or is_denied(ahead) or _ANY.search(ahead) or _WORN.search(ahead):
        return True
    return _MADE_OF.search(ahead) is None and _OTHERS.search(ahead) is not None


def is_put_beside(ahead: str) -> bool:
    """Whether a person is told to put something on it or beside it: "set a marble tray on top"."""
    if _PUT.search(ahead) or (_IN_A_THING.search(ahead) and not _COMES_IN.search(ahead)):
        return True
    return _IMPERATIVE.match(ahead) is not None and _ARTICLE.search(ahead) is not None


def is_for_others(ahead: str, behind: str) -> bool:
    """Whether a claim such as vegan is made of those that the product is for."""
    return bool(_USERS.match(behind) or _FOR_OTHERS.search(ahead))


def is_of_a_thing_beside(ahead: str, behind: str, known: AbstractSet[str]) -> bool:
    """Whether a claim is made of another thing: sugar-free jam on a peanut butter, fragrance-free detergent for sheets.

    known: stems of what the product may be called. Such a thing has its name right behind the claim.
    """
    thing = _NEXT_WORD.match(behind)
    if thing is None or thing[1] in _STOP or texts.stem(thing[1]) in known | _ANY_PRODUCT:
        return False
    return bool(_UNDER.search(ahead) or (texts.stem(thing[1]) not in PARTS and _BESIDE.search(ahead)))


def names_another_thing(behind: str, known: AbstractSet[str]) -> bool:
    """Whether what comes next has a name that the record does not hold: the crumble of "sugar-free crumble"."""
    thing = _NEXT_WORD.match(behind)
    return thing is not None and thing[1] not in _STOP and texts.stem(thing[1]) not in known | PARTS | _ANY_PRODUCT


def is_tasted(ahead: str, behind: str, *, is_oil: bool) -> bool:
    """Whether a scent, flavour or ingredient is said of the product: "vanilla flavor", "blended with rose", an oil."""
    if is_denied(ahead) or _NONE.search(ahead):
        return False
    return bool(is_oil or _TASTE_BEHIND.match(behind) or _TASTE_AHEAD.search(ahead))


def is_stated(kind: Kind, ahead: str) -> bool:
    """Whether these words before a material or colour say that the product has it."""
    if kind == "color":
        return _COLORED.search(ahead) is not None
    return bool(_MADE_OF.search(ahead) or _PURE.search(ahead))


def is_said(kind: Kind, ahead: str, behind: str, nouns: AbstractSet[str], *, ordinary: bool) -> bool:
    """Whether the sentence says the word of the product, whose names are `nouns` (stems), or of a part of it."""
    ends = _ENDS.match(behind) is not None
    whose = part(behind, nouns)
    if whose is not None:
        return True
    if is_stated(kind, ahead) and (kind != "color" or ends):
        return not (ordinary and _IN_A.search(ahead))
    # "Made of blue, lead-free crystal".
    if kind == "color" and _MADE_OF.search(ahead) and part(behind.replace(",", ""), nouns):
        return True
    if kind == "material" and _DEFINITE.search(ahead) and _VERB.match(behind):
        return True
    if kind == "material" and _BEGINS.match(ahead) and _DOES.match(behind):
        return True
    if not ends:
        return _OWN.search(ahead) is not None
    if kind == "color" and not ordinary and _SHADED.search(ahead):
        return True
    being = None if _WHEN.search(ahead) else _BEING.search(ahead)
    return being is not None and (being[1] in _PRONOUNS or texts.stem(being[1]) in nouns | PARTS)


def part(behind: str, nouns: AbstractSet[str]) -> str | None:
    """The product's or a part's name among the three words after a word: "frame" of "oak and brass frame".

    A name in front of another noun only tells that one apart: a teak bath mat is no bath.
    """
    at, known = 0, None
    for _ in range(3):
        match = _NEXT_WORD.match(behind, at)
        if match is None:
            return None
        word = match[1].removesuffix("'s")
        stem = texts.stem(word)
        if stem in nouns or stem in PARTS:
            if word != stem or not _is_noun(behind, match.end()):
                return stem
            known = stem
        elif known and stem in _WHOLE:
            return known
        elif word in _STOP:
            return None
        at = match.end()
    return None


def _is_noun(behind: str, at: int) -> bool:
    """Whether another noun follows, and no verb ("buckle fastens with snaps") or adjective ("case easy to grip")."""
    following = _NEXT_WORD.match(behind, at)
    if following is None or following[1] in _STOP or behind[at] == "-":
        return False
    # "Canvas work pants," against "the frame folds."
    ends = _LISTED_ENDS if following[1].endswith("s") else _NOUN_ENDS
    return ends.match(behind, following.end()) is not None
