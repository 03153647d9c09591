"""What of a source's text may stand in a listing as it is: whole sentences, and list items as key features."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from walmart_pipeline.core.records import Product
from walmart_pipeline.generation.template import grammar
from walmart_pipeline.text import english, product_text, tokenizer

_LIST_MARK = re.compile(r"^(?:[-–—*>+~]+\s+|\(?\d{1,2}[.)]\s+(?=\D))+")
_LABEL = re.compile(r"^(?:【[^】]*】[-—–:\s]*|[A-Za-z0-9][^:;.!?]{1,50}?\s?(?::(?!\d)|\s[-–—]\s)[-–—\s]*(?=\S))")
# "…keep counters dry EASY CARE: Fold…", "…the drawer's edge With its brass…": a line ended there.
_HEADING = re.compile(r"(?<=[a-z.!;)]) (?=[A-Z][A-Z0-9 &',/-]{4,60}:)")
_RUN_ON = re.compile(
    r"(?<=[a-z]{2}) (?=(?:This|These|The|It|It's|With|Our|Its|Each|They|Made|Designed|Crafted|Perfect|Features) [a-z])"
)

# Shorter sentences are headings, longer ones run on.
_SENTENCE_WORDS = range(4, 33)
_PHRASE_WORDS = range(2, 11)
_PLAIN_WORDS = 20
# In fewer words, what is before a colon is no heading.
_LABELLED_WORDS = 6

# Spoken to or by someone ("our sheets" are "the sheets").
_WE = re.compile(
    r"\b(?:our (?:team|goal|brand|company|store|mission|promise)|yours|we|ours|us|i|my|me|let's|please|kindly)\b|'ve\b",
    re.IGNORECASE,
)
_PERSON = re.compile(r"\bif you\b|^You", re.IGNORECASE)
# Questions, slogans, cut or garbled text, and a stop, comma or capital without its space.
_OUR = re.compile(r"\b[Oo]ur\b(?= \w)")
_UNREADABLE = re.compile(
    r"[?!…\ufffd【】\[\]<>|\\{}*#=_]|\.\.|---|[a-z]\?[a-z]|[a-z]{2}[.,;:)](?=[A-Za-z])|[a-z]{2}[A-Z][a-z]|\s[,.;:]"
    r"|[a-z]{2}\. [a-z]|\d ?[A-Za-z]{1,3}\. [A-Z]|\d[a-z]{4}|\b(\w+) \1\b|\S{25}|(?:^|\s)[-–—&](?:\s|$)",
)
# Points to a sentence before, which may not be there.
_LEANS = re.compile(
    r"(?:they|them|those|also|but|and|or|so|besides|however|then|thus|both|he|she|such|there|instead|otherwise|in"
    r" addition|these (?:are|were|have|can|will)|this (?:is|was|has|can|will|means)|that)\b",
    re.IGNORECASE,
)
_NO_VERB_FORM = re.compile(
    r"\b(?:wo)?mens\b|\b(?:can|will|may|must|could|would) (?:as|in|on|with|a|an|the|is|are)\b", re.IGNORECASE
)
# Word classes of a clause, which is no list item: an auxiliary, "these", "we", "it"; "place the", "Finally, place the".
_CLAUSE = re.compile(r"[vqni]|^xx?d")
# "The nails differ, you can choose one", "Dual controllers, allows you": two sentences with a comma between them.
_VERBS = "|".join(sorted(grammar.VERBS - {"has", "have", "turns"}))
_SPLICE = re.compile(rf"^[^,]*(?:, [^,]*)?, (?:it|it's|they|you|this|these|{_VERBS}) ")
_SUBORDINATE = re.compile(
    r"(?:With|When|If|As|While|Since|Although|Though|Because|Whether|Once|For|In|On|From|At|By|After|Before|To|Thanks"
    r"|Unlike|Perfect|Ideal|Made|Built|[A-Z][a-z]+(?:ed|ing))\b"
)
_PARTICIPLE = re.compile(r"(?:Made|Built|[A-Z][a-z]+(?:ed|ing))\b")
# Praise that says nothing of the product, and orders to buy or enjoy it.
_SALES = re.compile(
    r"^(?:Introducing|Meet|Say|Look|Get|Discover|Enjoy|Elevate|Upgrade|Treat|Give|Feel|Switch)\b|^[A-Z][a-z]+ your\b"
    r"|\b(?:amazing|must[- ]have|trusted|upmarket|the best|best \w+ for|dreams?|stunning|gorgeous|ultimate|unbelievably"
    r"|second to none|envy|charming lady|sexy|luxury|top[- ]quality|high[- ]quality|premium|reasonable price)\b"
    r"|^[^:]{1,30}: ",
    re.IGNORECASE,
)
_DETERMINERS = {"this": False, "each": False, "every": False, "a": False, "an": False, "these": True, "those": True}
_NUMBERED_VERBS = {"is": False, "has": False, "was": False, "are": True, "have": True, "were": True}
# Of the words of a sentence beyond the fourth, a third are function words, and no more than six others follow each
# other; lists of search words have fewer.
_FUNCTION_SHARE = 0.33
_SHORT_SENTENCE = 4
_PILE = re.compile(rf"[{english.OTHER}{english.UNPRONOUNCEABLE}]{{7}}")
# Function words are written small inside a sentence: a capital there begins the next one, without a stop before it.
_BREAK = re.compile(r"(?<=[a-z0-9%\"] )[A-Z][a-z]+\b")


@dataclass(frozen=True)
class Sentence:
    """A readable sentence and its place in the text. whole: it stands by itself, else only after the one before it."""

    text: str
    place: int
    whole: bool


@dataclass
class SourceText:
    """Parts of a source's text, in order. total: sentences looked at."""

    sentences: list[Sentence] = field(default_factory=list)
    phrases: list[str] = field(default_factory=list)
    total: int = 0

    @property
    def readable_share(self) -> float:
        """Share of the text that is readable."""
        return len(self.sentences) / self.total if self.total else 0.0


def read(product: Product) -> SourceText:
    """The sentences and list items of a product's description that read well."""
    source = SourceText()
    for line in product_text.source_text(product).description:
        for sentence in line:
            pieces = _RUN_ON.sub("\n", _HEADING.sub("\n", sentence.text.replace("’", "'"))).splitlines()
            for piece in pieces if sentence.quotable else []:
                ends = sentence is line[-1] or piece is not pieces[-1]
                _read(_LIST_MARK.sub("", " ".join(piece.split())), source, ends_line=ends)
            source.total += not sentence.quotable
    return source


def _read(piece: str, source: SourceText, *, ends_line: bool) -> None:
    """ends_line: a line may end without a stop."""
    source.total += 1
    bare = _LABEL.sub("", piece) if len(piece.split()) > _LABELLED_WORDS else piece
    text = readable(f"{bare}." if ends_line and bare[-1:].isalnum() else bare)
    if text:
        whole = as_sentence(text) is not None and not _LEANS.match(text)
        source.sentences.append(Sentence(text, source.total, whole))
    if not _CLAUSE.search(english.word_classes(tokenizer.words(bare))) and (phrase := as_phrase(bare)):
        source.phrases.append(phrase)


def readable(text: str) -> str | None:
    """The text as an editor would let it pass in its paragraph; None for what is garbled, a question or a slogan."""
    if not text.strip() or _WE.search(text):
        return None
    text = _OUR.sub(
        lambda match: "The" if match[0][0] == "O" else "the", text.strip().replace(" & ", " and ").replace('""', '"')
    )
    text = f"{text[:-1]}." if text[-1:] == "!" else text
    words = text.rstrip(".").split()
    if len(words) not in _SENTENCE_WORDS or not (text[0].isupper() or text[0].isdigit()) or text[-1] not in ".\"'":
        return None
    if not _is_clean(text) or any(fault.search(text) for fault in (_NO_VERB_FORM, _SALES)):
        return None
    plain = [tokenizer.normalized(word).strip(',.;:()"') for word in words]
    form = english.word_classes(plain)
    if grammar.is_left_hanging(words) or _PILE.search(form) or not _agrees(words, plain, form):
        return None
    return None if _SPLICE.search(text) and not _SUBORDINATE.match(text) else text


def is_plain(text: str) -> bool:
    """Whether a sentence is short, without the reader in it, and of one or two clauses: little can be wrong with it."""
    return (
        len(text.split()) <= _PLAIN_WORDS and text.count(",") < 2 and not re.search(r"\byour?\b", text, re.IGNORECASE)
    )


def as_sentence(text: str) -> str | None:
    """The text as one sentence in the third person that stands by itself; None where it is none."""
    found = readable(text)
    if not found or _PERSON.search(found) or not found[0].isupper():
        return None
    text = found
    words = text.rstrip(".").split()
    form = english.word_classes(plain := [tokenizer.normalized(word).strip(',.;:()"') for word in words])
    if english.function_words(form) < _FUNCTION_SHARE * (len(form) - _SHORT_SENTENCE):
        return None
    # "Made of steel, the lid opens": the verb is that of the clause after the comma
    main = 0
    if _PARTICIPLE.match(text):
        main = next((place + 1 for place, word in enumerate(words) if word[-1] == ","), len(words))
    if plain[0] in grammar.VERBS or not _has_verb(plain[main:], form[main:], after=main > 0):
        return None
    return text


def as_phrase(text: str) -> str | None:
    """The text as a key feature without its full stop; None where it is none."""
    text = _LIST_MARK.sub("", text.strip(" -–—*~•,;.!"))
    words = text.split()
    if (
        len(words) not in _PHRASE_WORDS
        or not _is_clean(text)
        or _WE.search(text)
        or re.search(r":|\b[Oo]ur\b", text)
        or _SALES.search(text)
    ):
        return None
    return None if grammar.is_left_hanging(words) else grammar.capitalised(text)


def as_feature(sentence: str) -> str | None:
    """A whole sentence as a key feature, without "The"; None where it is about "it" or tells the reader what to do."""
    if sentence.startswith(("It ", "Its ", "It's ")) or re.match("xd", english.word_classes(tokenizer.words(sentence))):
        return None
    return grammar.capitalised(sentence.removeprefix("The ").rstrip(".")) if as_sentence(sentence) else None


def _is_clean(text: str) -> bool:
    """Whether a text has no garbled part, no run of capitals, and both brackets and quotes of a pair."""
    if _UNREADABLE.search(text.rstrip(".")) or text.count("(") != text.count(")"):
        return False
    if text.count('"') % 2 and not re.search(r'\d"', text):
        return False
    capitals = _BREAK.findall(text)
    if any(set(english.word_classes([word.lower()])) - {english.OTHER} for word in capitals):
        return False
    words = text.split()
    loud = [word for word in words if grammar.is_shouted(word) and word.strip("().,").lower() not in grammar.acronyms()]
    return not any(len(word) > 4 for word in loud) and len(loud) < 2 and len(capitals) <= max(3, len(words) // 4)


def _agrees(words: list[str], plain: list[str], form: str) -> bool:
    """Whether nouns agree with "this" and "these" before them, and the first verb with its subject."""
    subject: bool | None = None
    wanted: bool | None = None
    for place, (word, kind) in enumerate(zip(plain, form, strict=True)):
        following = form[place + 1 : place + 2]
        if word in _NUMBERED_VERBS:
            return subject is None or subject is _NUMBERED_VERBS[word]
        if kind == "v" or kind in "cw":
            return True
        if kind == english.OTHER and following != english.OTHER and following not in {"d", "q", "i", "t"}:
            number = grammar.is_plural(word)
            # "A hinged lid opens with" may end with a verb; "this shirts for" and "this smocked pants is" do not
            is_noun = following in {"v", "b"} or plain[place - 1] in _DETERMINERS
            if wanted is not None and number is not wanted and is_noun:
                return False
            subject = number if subject is None else subject
            wanted = None
            if words[place][-1] == ",":
                subject = None
        elif word in _DETERMINERS and following == english.OTHER:
            wanted = _DETERMINERS[word]
    return True


def _has_verb(plain: list[str], form: str, *, after: bool) -> bool:
    """Whether a clause has a verb that is sure to be one: an auxiliary, "opens the", "it folds", "the lid opens".

    after: whether the clause follows another one.
    """
    for place, (word, kind) in enumerate(zip(plain, form, strict=True)):
        if (place or after) and (kind == "v" or word in grammar.VERBS):
            return True
        if not place or len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
            continue
        follows = plain[place - 1] in {"it", "this", "that", "which"} or form[place + 1 : place + 2] in {"d", "q", "i"}
        # "The kettle heats water": after an article and a singular
        if follows or (form[0] in "dq" and 1 < place < 6 and not plain[place - 1].endswith("s")):
            return True
    return False
