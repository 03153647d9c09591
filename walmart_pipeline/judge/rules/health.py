"""Health claims: only a drug may claim to treat a disease, as far as its label does."""

from __future__ import annotations

import re
from collections.abc import Mapping

from walmart_pipeline.judge.rules import regulated_claims
from walmart_pipeline.judge.rules.base import Confirmed, Mention, confirms
from walmart_pipeline.text.word_search import has_phrase

# Verbs of 21 CFR 101.93(g): diagnose, mitigate, treat, cure, prevent; and what sellers write in their place.
_CURE = (
    r"diagnos(?:e|es|ing)|cur(?:e|es|ed|ing)|heal(?:s|ing)?|treat(?:s|ing)?|mitigat(?:e|es|ing)|revers(?:e|es|ing)|"
    r"reliev(?:e|es|ing)|alleviat(?:e|es|ing)|relief (?:from|of|for)|rel(?:ief|iever) against|cure for|"
    r"remed(?:y|ies) (?:for|against)|(?:treatment|therapy) (?:for|of|against)|help(?:s|ing)? with"
)
_HELP = (
    r"reduc(?:e|es|ing)|lower(?:s|ing)?|decreas(?:e|es|ing)|eas(?:e|es|ing)|sooth(?:e|es|ing)|calm(?:s|ing)?|"
    r"fight(?:s|ing)?|combat(?:s|ing|ting)?|manag(?:e|es|ing)|control(?:s|ling)?|get(?:s|ting)? rid of|"
    r"(?:goodbye|bye|farewell) to|eliminat(?:e|es|ing)|end(?:s|ing)|banish(?:es|ing)?|beat(?:s|ing)?|"
    r"clear(?:s|ing)?(?: up)?|shrink(?:s|ing)?"
)
_GUARD = (
    r"prevent(?:s|ing)?|stop(?:s|ping)?|ward(?:s|ing)? off|kill(?:s|ing)?|"
    r"protect(?:s|ing|ion)?(?: \w+){0,2} (?:against|from)|"
    r"immun\w+ (?:to|against)|defen\w+ (?:\w+ )?against|(?:effective|works?) (?:for|against)"
)
_SET_RIGHT = (
    r"lower(?:s|ing)?|reduc(?:e|es|ing)|decreas(?:e|es|ing)|normali[sz](?:e|es|ing)|regulat(?:e|es|ing)|"
    r"stabili[sz](?:e|es|ing)|cut(?:s|ting)?|bring(?:s|ing)? down|drop(?:s|ping)?|cur(?:e|es|ing)|treat(?:s|ing)?"
)
_AFTER = re.compile(
    r"[\s-]+(?:(?:pain|symptoms?)[\s-]+)?"
    r"(?:(?:will )?(?:disappears?|vanish(?:es)?|go(?:es)? away)|relief|reliever|remedy|remedies|cure|treatment|"
    r"prevention|medicine|medication|therapy|killer|fighter|fighting|reducing|reducer|busting)\b"
)

OF_A_DISEASE = regulated_claims.action(_CURE, _HELP, _GUARD)
# Verbs that make a claim of the words of each list; other lists count as diseases. An oven mitt that prevents burns
# makes no health claim.
HEALTH_ACTIONS: Mapping[str, re.Pattern[str]] = {
    "diseases": OF_A_DISEASE,
    "symptoms": regulated_claims.action(_CURE, _HELP),
    "injuries": regulated_claims.action(_CURE),
    "measures": regulated_claims.action(_SET_RIGHT),
}
# Donations and awareness ribbons are no health claims.
CHARITY = re.compile(r"\b(?:donat\w+|awareness|research|charit\w+|foundation|proceeds|survivors?|fundrais\w+)\b")
# "May reduce the risk of", of these alone, on food: the health claims of 21 CFR 101.72 to 101.83.
AUTHORISED = re.compile(r"\bmay (?:\w+ )?(?:reduce|lower|decrease) the risk of (?:\w+ ){0,3}$")
AUTHORISED_FOR = frozenset(
    ["disease", "heart disease", "coronary heart disease", "osteoporosis", "cancer", "cancers", "high blood pressure"]
)
# "Relieves occasional heartburn" is a claim of structure or function: 65 FR 1000, 2000-01-06.
STRUCTURE_FUNCTION = re.compile(r"\b(?:occasional|healthy|normal)\b")
# Health claims for these are not allowed, even if the record makes them: 21 CFR 101.93, 21 CFR 701.
SWALLOWED_OR_APPLIED = re.compile(
    r"\b(?:supplements?|vitamins?|herbs?|herbal|food|grocery|beverages?|tea|teas|coffee|snacks?|"
    r"skin care|skincare|beauty|cosmetics?|makeup|essential oils?|cbd|pills?|capsules?)\b"
)


@confirms("claims.health")
def health(mention: Mention) -> Confirmed | None:
    """A claim to treat, cure or prevent what the listed word names.

    Diseases by 21 CFR 101.93(g); symptoms and injuries are the variant `symptom`, which a device, cushion or brace may
    claim as far as its record does. A drug may claim what its record states.
    """
    product = mention.product
    before, after = mention.context(regulated_claims.SENTENCE_CHARS)
    words = mention.normalized[mention.start : mention.end]
    span = _claimed(mention, before, after)
    if span is None or CHARITY.search(before + words + after):
        return None
    if words in AUTHORISED_FOR and AUTHORISED.search(before):
        return None
    if STRUCTURE_FUNCTION.search(mention.normalized[span[0] : span[1]]):
        return None
    minor = mention.word_list in {"symptoms", "injuries"}
    category = regulated_claims.category(product)
    may_claim = (
        regulated_claims.is_drug(product)
        or regulated_claims.STORIES.search(category)
        or (minor and not SWALLOWED_OR_APPLIED.search(category))
    )
    if may_claim and has_phrase(regulated_claims.record(product), words, plural=True):
        return None
    return Confirmed(*span, "symptom" if minor else None)


def _claimed(mention: Mention, before: str, after: str) -> tuple[int, int] | None:
    """The span of a claim of the mentioned word, with the verb or noun that makes it one."""
    if mention.word_list == "drug_words":
        return None if regulated_claims.NOT_CLAIMED.search(before) else (mention.start, mention.end)
    actions = list(HEALTH_ACTIONS.get(mention.word_list, OF_A_DISEASE).finditer(before))
    if actions:
        start = actions[-1].start()
        if regulated_claims.NOT_CLAIMED.search(before[:start]):
            return None
        return mention.start - len(before) + start, mention.end
    if mention.word_list != "injuries" and (noun := _AFTER.match(after)):
        return None if regulated_claims.NOT_CLAIMED.search(before) else (mention.start, mention.end + noun.end())
    return None
