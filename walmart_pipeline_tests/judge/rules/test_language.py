from __future__ import annotations

import random
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Listing, Product
from walmart_pipeline.judge.judge import source_listing
from walmart_pipeline.stages.catalog import readers
from walmart_pipeline.stages.catalog.columns import ColumnMapping, Columns
from walmart_pipeline.stages.catalog.feeds import find
from walmart_pipeline.stages.catalog.products import clean_row
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE, PARAGRAPHS, broken, described, evidence
from walmart_pipeline_tests.paths import GENERAL_CATALOG, needs_shared

WORDS = HONEST.description.split()
LANGUAGE = {"listing.incoherent", "listing.non_english"}
SPANISH = (
    "Este hervidor de vidrio lleva el agua a ebullición para el té o el café. El cuerpo es de vidrio y no toma sabor, "
    "y la luz azul se enciende mientras el agua se calienta. Cuando el agua hierve, se apaga solo."
)
FRENCH = (
    "Cette bouilloire en verre porte l'eau à ébullition pour le thé ou le café. Le corps est en verre et ne prend pas "
    "de goût, et la lumière bleue brille pendant que l'eau chauffe. Elle est facile à remplir."
)
GERMAN = (
    "Dieser Wasserkocher aus Glas bringt das Wasser für Tee oder Kaffee zum Kochen. Der Körper ist aus Glas und nimmt "
    "keinen Geschmack an, und das blaue Licht leuchtet, während das Wasser heiß wird."
)
RUSSIAN = "Этот стеклянный чайник быстро доводит воду до кипения. Корпус из стекла не впитывает запахи и легко моется."
CHINESE = "这款玻璃电热水壶可以快速烧开水，适合泡茶和咖啡。壶身采用高硼硅玻璃，清洗方便，带有自动断电功能。"
POLISH = (
    "Ten szklany czajnik elektryczny szybko zagotuje wodę na herbatę oraz kawę. Obudowa jest wykonana ze szkła, które "
    "nie zmienia smaku wody. Niebieskie światło świeci się podczas gotowania, po zagotowaniu czajnik wyłącza się sam. "
    "Szeroki otwór ułatwia napełnianie oraz mycie, dzięki czemu czajnik zawsze pozostaje czysty."
)


def shuffled(seed: int) -> str:
    words = WORDS.copy()
    random.Random(seed).shuffle(words)
    return " ".join(words)


def random_letters(seed: int, count: int = 170) -> str:
    chance = random.Random(seed)
    return " ".join("".join(chance.choices(string.ascii_lowercase, k=chance.randint(3, 9))) for _ in range(count))


def padded(seed: int) -> str:
    """Random letters between the product's own words, which once scored 78 and was publishable."""
    own = "Brewster glass electric kettle 1.7 L 1500 W borosilicate auto shut-off 30 in cord".split()
    return " ".join(f"{word} {own[place % len(own)]}" for place, word in enumerate(random_letters(seed, 90).split()))


def scrambled(seed: int) -> str:
    chance = random.Random(seed)
    return " ".join("".join(chance.sample(word, len(word))) for word in WORDS)


def keywords(seed: int) -> str:
    own = "electric kettle, glass kettle, tea kettle, kettle for home, kettle blue, hot water boiler, kettle glass"
    words = own.split()
    chance = random.Random(seed)
    return " ".join(chance.choice(words) for _ in range(170))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("nonsense", [shuffled, random_letters, padded, scrambled, keywords])
def test_words_without_sense_are_never_published(nonsense: object, seed: int) -> None:
    report = JUDGE.report(KETTLE, HONEST.model_copy(update={"description": nonsense(seed)}))  # type: ignore[operator]
    assert "listing.incoherent" in {violation.rule for violation in report.violations}
    assert not report.publishable


@pytest.mark.parametrize(
    "loop",
    [
        " ".join(["A fine glass kettle for your home and your tea."] * 18),
        " ".join(["kettle glass electric boil"] * 45),
        " ".join(["It boils water fast. You will love it every day."] * 16),
        f"{PARAGRAPHS[0]} " * 4,
        "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor. " * 12,
        "asdf qwer zxcv hjkl " * 45,
    ],
)
def test_a_text_that_goes_round_or_fills_space_is_found(loop: str) -> None:
    assert "listing.incoherent" in broken(description=loop)


def test_letters_at_random_are_found_in_a_title_or_feature() -> None:
    assert "listing.incoherent" in broken(title="Brewster qxzvk wjfhq zzkrt vbnmq Kettle Glass hgfdk lkjhq xcvbz")
    assert "listing.incoherent" in broken(key_features=[*HONEST.key_features, "hjkq zxwv qwrtk vbnx"])


def test_evidence_shows_what_makes_no_sense() -> None:
    assert evidence("listing.incoherent", description=described("Lorem ipsum dolor sit amet.")) == ["Lorem ipsum"]
    (loop,) = evidence("listing.incoherent", description="A fine glass kettle for tea. " * 30)
    assert loop in "A fine glass kettle for tea. A fine glass"


@pytest.mark.parametrize(
    "sentence",
    [
        "The Nguyễn–Łódź blend by Xcaret, Qdoba and Schwartzkopff tastes of Tschüss, Kvass and Sriracha.",
        "Sizes: Twin, Twin XL, Full, Queen, King, California King.",
        "Vitamin A as beta carotene, vitamin C as ascorbic acid, vitamin E as tocopherol.",
        "Boil it, pour it, sip it, love it; boil it, pour it, sip it, love it again.",
        "Row, row, row your boat while tea, tea, tea is on its way.",
    ],
)
def test_odd_but_honest_prose_is_left_alone(sentence: str) -> None:
    assert broken(description=described(sentence)) & LANGUAGE == set()


@pytest.mark.parametrize("text", [SPANISH, FRENCH, GERMAN, RUSSIAN, CHINESE])
def test_another_language_is_found_even_beside_english(text: str) -> None:
    assert "listing.non_english" in broken(description=text)
    assert "listing.non_english" in broken(description=described(text))


def test_a_language_that_is_not_listed_is_known_by_its_letters() -> None:
    assert "listing.non_english" in broken(description=POLISH)


@pytest.mark.parametrize(
    "title",
    [
        "Hervidor eléctrico de vidrio con luz azul para el té, 1.7 L",
        "Bouilloire électrique en verre pour le thé avec une lampe bleue",
        "Elektrischer Wasserkocher aus Glas mit Licht für die Küche",
        "Caffè in grani, tostatura scura per la moka e la caffettiera",
        "Стеклянный электрический чайник с подсветкой, 1.7 L, 1500 W",
    ],
)
def test_a_title_in_another_language_is_found(title: str) -> None:
    assert "listing.non_english" in broken(title=title)


@pytest.mark.parametrize(
    "sentence",
    [
        "Serve it with crème brûlée, pain au chocolat or a café au lait.",
        "It is named after La Casa de los Espíritus, a novel of Isabel Allende.",
        "Joie de vivre, as the French say: je ne sais quoi.",
        "The El Dorado and Las Vegas editions come from Los Angeles.",
        "Tea is чай in Russian and 茶 in Chinese.",
    ],
)
def test_foreign_words_and_names_in_english_text_are_left_alone(sentence: str) -> None:
    assert broken(description=described(sentence)) & LANGUAGE == set()


@pytest.mark.parametrize(
    "title",
    ["Kettle", "Brewster EK-17", "Sony WH-1000XM4", "La Roche-Posay Effaclar Duo", "L'Oréal Elvive", "Die Hard"],
)
def test_a_short_title_is_not_taken_for_another_language(title: str) -> None:
    assert broken(title=title) & LANGUAGE == set()


def test_a_products_own_foreign_name_may_be_its_title() -> None:
    name = "Cien años de soledad: una novela de los Buendía para todos"
    book = Product(product_id="b", product_name=name, category=["Books"])
    assert broken(book, title=name) & LANGUAGE == set()


@needs_shared
def test_hardly_a_real_description_is_taken_for_nonsense() -> None:
    """4 of 895 at the time of writing: two lists of search words, and two tables without a sentence."""
    columns = Columns(ColumnMapping())
    found = 0
    with readers.read(find([GENERAL_CATALOG])[0]) as reading:
        for number, row in enumerate(reading.rows, start=1):
            product = clean_row(row.raw, columns, source_file=GENERAL_CATALOG.name, source_row=number).product
            rules = {violation.rule for violation in JUDGE.report(product, source_listing(product)).violations}
            found += bool(rules & LANGUAGE)
    assert found <= 6


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300), st.text(max_size=80))
def test_any_text_can_be_looked_at(description: str, title: str) -> None:
    listing = Listing(title=title, description=description * 4, key_features=[title, description[:80]])
    for violation in JUDGE.report(KETTLE, listing).violations:
        if violation.rule in LANGUAGE:
            assert violation.evidence


def test_names_of_signals_that_the_record_lists_are_words() -> None:
    product = KETTLE.model_copy(update={"description": "Inputs: YPbPr, HDMI, CVBS, SPDIF."})
    assert "listing.incoherent" not in broken(product, key_features=["YPbPr, HDMI, CVBS, SPDIF", *HONEST.key_features])
