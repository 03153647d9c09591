import pytest

from walmart_pipeline.core.records import Product
from walmart_pipeline.text import chatter
from walmart_pipeline.text.product_text import source_text

CHATTER = [
    "If you have any questions, please feel free to contact our customer service team within 24 hours.",
    "Please contact us before you leave a negative review.",
    "Answer: Yes, please check the size chart before ordering.",
    "It is a perfect gift for your mom, wife, sister or girlfriend on Christmas, birthdays and Mother's Day.",
    "We are committed to providing every customer with quality products and the best service.",
    "Due to different monitors, the actual color may be slightly different from the picture.",
    "30 days money back guarantee, no questions asked.",
]
PRODUCT = [
    "The kettle holds 1.7 liters and switches off by itself.",
    "Machine wash cold, tumble dry low, do not bleach.",
    "The body is one piece of stainless steel with a matte finish.",
    "Two AAA batteries are included.",
    "Fits mattresses of up to 16 inches.",
    "Two-year limited warranty.",
]


@pytest.mark.parametrize("sentence", CHATTER)
def test_what_a_supplier_says_to_customers_is_left_out(sentence: str) -> None:
    product = Product(product_id="1", product_name="Kettle", description=f"Holds 1.7 liters. {sentence}")
    assert source_text(product).lines == ["Holds 1.7 liters."]


@pytest.mark.parametrize("sentence", PRODUCT)
def test_what_it_says_of_the_product_stays(sentence: str) -> None:
    product = Product(product_id="1", product_name="Kettle", features=[sentence], description=sentence)
    assert source_text(product).feature_lines == source_text(product).lines == [sentence]


def test_emoji_and_headings_in_brackets_divide_sentences() -> None:
    """Feeds use them instead of full stops; a contact address once took the material next to it along."""
    product = Product(
        product_id="1",
        product_name="Robe",
        description="✅【Material】Made of soft cotton terry ✅【Service】Contact us for any question",
    )
    assert source_text(product).lines == ["【Material】Made of soft cotton terry"]
    lost = product.model_copy(update={"description": "The robe is soft and warm. ??"})
    assert source_text(lost).lines == ["The robe is soft and warm."]


def test_a_sentence_that_lost_something_may_not_be_copied() -> None:
    product = Product(product_id="1", product_name="Jar", description="It weighs 1 64 g when empty. The lid is oak.")
    (line,) = source_text(product).description
    assert [sentence.quotable for sentence in line] == [False, True]
    stripped = "the jar is of clear glass and its oak lid fits so tightly that nothing spills"
    (line,) = source_text(product.model_copy(update={"description": stripped})).description
    assert [sentence.quotable for sentence in line] == [False]
    (line,) = source_text(product.model_copy(update={"description": f"2-{stripped}."})).description
    assert [sentence.quotable for sentence in line] == [True]


def test_a_sentence_has_the_same_probability_alone_and_among_others() -> None:
    together = chatter.probability([*CHATTER, *PRODUCT] * 50)
    assert together[:3] == pytest.approx([chatter.probability([sentence])[0] for sentence in CHATTER[:3]])
    assert chatter.probability([]) == []
