"""Pesticide claims: only a registered pesticide may claim to kill or repel pests, as far as its record does."""

from __future__ import annotations

import re

from walmart_pipeline.judge.rules import regulated_claims
from walmart_pipeline.judge.rules.base import Confirmed, Mention, confirms
from walmart_pipeline.text import tokenizer
from walmart_pipeline.text.word_search import has_phrase

# 40 CFR 152.15: a product that claims to kill or repel a pest is a pesticide and has to be registered.
_KILL = (
    r"kill(?:s|ing)?|destroy(?:s|ing)?|eliminat(?:e|es|ing)|eradicat(?:e|es|ing)|exterminat(?:e|es|ing)|"
    r"repel(?:s|ling)?|inactivat(?:e|es|ing)|neutrali[sz](?:e|es|ing)|wip(?:e|es|ing) out|get(?:s|ting)? rid of|"
    r"driv(?:e|es|ing) (?:away|off)|deter(?:s|ring)?|disinfect(?:s|ing)?|saniti[sz](?:e|es|ing)|"
    r"poison(?:s|ing)?|zap(?:s|ping)?"
)
# Claims about protecting the article itself need no registration: 40 CFR 152.25(a), EPA PR Notice 2000-1.
_HINDER = (
    r"inhibit(?:s|ing)?|fight(?:s|ing)?|combat(?:s|ing|ting)?|prevent(?:s|ing)?|reduc(?:e|es|ing)|control(?:s|ling)?|"
    r"protect(?:s|ing|ion)?(?: \w+){0,2} (?:against|from)|ward(?:s|ing)? off|stop(?:s|ping)?|block(?:s|ing)?"
)
# The common stem of kill, kills and killing.
STEM_CHARS = 4
KILLS = regulated_claims.action(_KILL)
HINDERS = regulated_claims.action(_HINDER)
PEST_AFTER = re.compile(
    r"[\s-]+(?:killer|killing|repell[ae]nt|repelling|spray|deterrent|poison|destroying|fighting|control)\b"
)
KEEPS = re.compile(r"\bkeep(?:s|ing)?(?: \w+){0,3} $")
AWAY = re.compile(r"(?:,? (?:and|or) \w+)? (?:away|at bay|off)\b")
# Words for something carried, worn or sprayed with the product.
CARRIED = re.compile(
    r"\b(?:pockets?|holds?|holders?|stores?|carry|carries|apply|wear|bottles?|your own|free of|grown)\b"
)
# A net keeps mosquitoes out and a filter catches germs without any substance.
BY_HAND = re.compile(r"\b(?:nets?|netting|mesh|screens?|filters?|swatter|zippered|lids?)\b")
BOTH_KINDS = frozenset({"virus", "viruses", "bug", "bugs", "mice", "mouse"})
COMPUTERS = re.compile(
    r"\b(?:software|computers?|laptops?|spyware|malware|antivirus|anti-virus|trojans?|hackers?|pc|norton|mcafee|"
    r"keyboards?|usb)\b"
)
PESTICIDE_CATEGORY = re.compile(
    r"\b(?:pest|pests|insects?|insecticides?|repellents?|mosquito|bug spray|disinfect\w*|saniti[sz]\w*|weeds?|"
    r"herbicides?|fungicides?|rodents?|mouse traps?|traps?|algaecides?|flea|tick|moth|pesticides?|germicid\w*)\b"
)
REGISTRATION = re.compile(r"\bepa\b.{0,30}\d|\bepa[- ]registered\b")
_BIOCIDE_STEM = re.compile(r"(anti[\s-]?(?:bacteri|microb|fung|vir)|germicid|bactericid|disinfect|saniti|sterili)")
# Care instructions for the product itself.
CARE = re.compile(r"\b(?:easy|easier|simple|safe|need|needs|how|be|before|after|hygienic)\b[^.]{0,25}$")


@confirms("claims.pesticide")
def pesticide(mention: Mention) -> Confirmed | None:
    """A claim to kill or repel germs, insects or weeds, or to be antibacterial (7 U.S.C. 136(u), 40 CFR 152.15).

    A registered pesticide may make the claims of its record. Any other product may only claim protection of the
    article itself, such as an antimicrobial finish, and only if the record does.
    """
    product = mention.product
    before, after = mention.context(regulated_claims.SENTENCE_CHARS)
    category = regulated_claims.category(product)
    if regulated_claims.NOT_CLAIMED.search(before) or re.match(r"[\s-]free\b", after):
        return None
    words = mention.normalized[mention.start : mention.end]
    if words in BOTH_KINDS and COMPUTERS.search(f"{before} {after} {category}"):
        return None
    record = regulated_claims.record(product)
    if mention.word_list == "biocides":
        stem = _BIOCIDE_STEM.search(words)
        stated = stem is not None and _begins_a_word(stem[1], record)
        if stated or CARE.search(before) or CARRIED.search(before):
            return None
        return Confirmed(mention.start, mention.end)
    stated = _is_stated(words.split()[-1], record)
    kills = list(KILLS.finditer(before))
    may_claim = (
        REGISTRATION.search(record)
        or PESTICIDE_CATEGORY.search(category)
        or regulated_claims.STORIES.search(category)
        or regulated_claims.is_drug(product)
    )
    # A record that keeps mosquitoes out with a net supports no claim to repel them.
    if may_claim and stated and (not kills or _begins_a_word(kills[-1].group()[:STEM_CHARS], record)):
        return None
    start = mention.start - len(before)
    if kills:
        return Confirmed(start + kills[-1].start(), mention.end)
    if (noun := PEST_AFTER.match(after)) and not CARRIED.search(before):
        return Confirmed(mention.start, mention.end + noun.end())
    if (keeps := KEEPS.search(before)) and (away := AWAY.match(after)) and not BY_HAND.search(before + after):
        return Confirmed(start + keeps.start(), mention.end + away.end())
    if (hinders := list(HINDERS.finditer(before))) and not stated and not BY_HAND.search(before + after):
        return Confirmed(start + hinders[-1].start(), mention.end)
    return None


def _is_stated(pest: str, record: str) -> bool:
    """Whether a record names a pest, in the singular or plural."""
    return tokenizer.stem(pest) in tokenizer.key_stems(record) or has_phrase(record, tokenizer.stem(pest), plural=True)


def _begins_a_word(stem: str, record: str) -> bool:
    """Whether a word of the record begins with a stem: anti-microb = antimicrob, saniti[s/z]."""
    letters = [("[sz]" if letter in "sz" else letter) for letter in stem if letter.isalpha()]
    return re.search(rf"(?<!\w){'[ -]?'.join(letters)}", record) is not None
