"""The sentence around a word of a text."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet

from walmart_pipeline.text import tokenizer

# Parts and properties of goods that a material or colour is said of, as stems: "oak frame", "red finish".
PARTS = frozenset(
    tokenizer.stem(word)
    for word in """
    accent alloy arm armrest back backing band bar base bead bezel bin blade blend board body bolt border bottom
    bowl box bracket bristle buckle build burner button cabinet canopy cap carafe case casing chain chamber
    chassis clasp collar color colour compartment console construction container cooktop cord core corner cover
    coverlet craftsmanship crown cuff cup cushion design detail detailing dial dish door drawer drum edge edging
    element enclosure exterior fabric facade face faceplate feet fiber fill filling film filter finish fitting
    fixture flap foot footbed footrest frame front gasket gear glaze grate grill grille grip guard handle hanger
    hardware head headboard heel hem hinge hood hook hose housing hue ink inner insert insole interior jacket jar
    jaw jug key knit knob label lace latch layer leg lens lever lid liner lining link lip lock loop material
    mattress mechanism model motif motor mount mouthpiece mug nib nozzle option outer outsole pad padding paint
    pan panel pattern pedal pedestal piece pillow pin pitcher plate platform plating pocket post pot print
    propeller rack rail reservoir rim ring rivet rod roller rope scoop screen seal seam seat seating shade shaft
    shank shape sheath sheet shelf shell shoulder side sink skin sleeve slider sole spindle spoke spool spout
    spring stand stem stitching strap strip stripe structure stud style surround suspension switch tab tabletop
    tank texture thread tile tine tint tip toe tone tongue top tray tread trim trimming tub tube tubing tuft unit
    upholstery upper valve variant veneer version vessel wall weave webbing wheel window wing wire wiring yarn zip
    zipper
    """.split()
)
# A material of one of these says little of the whole product.
SMALL_PARTS = frozenset(
    tokenizer.stem(word)
    for word in """
    accent base bolt bracket bristle buckle button cap clasp cord corner detail element feet fill fitting foot
    gasket grip guard handle hanger hardware hinge hook hose insert knob lace latch leg lens lever lid liner
    lining lock loop mount nozzle pad pin pocket rim ring rivet rod roller seal seam sole spout spring stitching
    strap strip stud switch tab tip tread trim trimming tube tubing valve wheel wire wiring zip zipper
    """.split()
)
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
# Behind these a noun ends, the second where the word may be a verb: "a teak bath mat with", "canvas work pants,".
_NOUN_ENDS = re.compile(r"\s*(?:$|[,.;:!?)]|(?:and|or|with|for|in|on|over|under|at|of)\b)")
_LISTED_ENDS = re.compile(r"\s*(?:,|(?:and|or)\b)")


def either(text: str) -> str:
    """The alternatives of a text, one or several a line, divided by bars."""
    return f"(?:{'|'.join(part.strip() for part in text.strip().split('|'))})"


def is_negated(left: str) -> bool:
    """Whether a word after `ahead` is said not to be so."""
    return _DENIED.search(left) is not None


def part(right: str, nouns: AbstractSet[str]) -> str | None:
    """The product's or a part's name among the three words after a word: "frame" of "oak and brass frame".

    A name in front of another noun only tells that one apart: a teak bath mat is no bath.
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
