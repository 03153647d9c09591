from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from walmart_pipeline.core.records import Listing, Product, QualityReport
from walmart_pipeline_tests.judge.examples import HONEST, JUDGE, KETTLE, described

CAPSULES = Product(
    product_id="turmeric-1",
    product_name="Vitaroot Turmeric Capsules, 60 Count",
    brand="Vitaroot",
    category=["Health", "Vitamins & Supplements"],
    description="Relieves joint pain and cures arthritis.",
)

HEALTH_CLAIMS = [
    "It cures cancer.",
    "Turmeric relieves arthritis pain in days.",
    "Lowers blood pressure naturally.",
    "Helps prevent the flu and colds.",
    "A natural remedy for insomnia.",
    "Treats eczema, psoriasis and acne.",
    "Reverses type 2 diabetes.",
    "It reduces the risk of heart disease.",
    "Fights cancer cells.",
    "Protects you against COVID-19.",
    "Our tea heals ulcers.",
    "Acne treatment that works.",
    "Migraine relief in a bottle.",
    "Stops heart attacks before they start.",
    "Diagnoses diabetes at home.",
    "Helps with anxiety and depression.",
    "It is clinically proven to treat Alzheimer's.",
    "Cures all known diseases.",
    "Relieves joint pain and inflammation.",
    "This anti-inflammatory formula works.",
    "Kills the common cold fast.",
    "Lowers cholesterol and blood sugar.",
    "Effective against asthma.",
    "Eases back pain.",
    "Soothes sore throats.",
    "It prevents infection.",
    "A miracle cure for everything.",
]
NO_HEALTH_CLAIMS = [
    "Treat yourself to a cup.",
    "Dog treats your pet will love.",
    "It prevents scratches and dents.",
    "The epoxy cures in 24 hours.",
    "No more pain in the neck.",
    "The Hangover is a film.",
    "This product is not intended to diagnose, treat, cure, or prevent any disease.",
    "Supports a healthy immune system.",
    "Helps maintain healthy blood pressure.",
    "Promotes relaxation.",
    "Relieves occasional constipation.",
    "Perfect for those with allergies or asthma.",
    "Many factors affect heart disease; diets low in saturated fat may reduce the risk of this disease.",
    "A portion of the proceeds helps fight breast cancer.",
    "Oven mitts protect you from burns.",
    "Reduces the headache of setup.",
    "A wheel that eases the pain of moving.",
    "Treat stains before washing.",
    "Low cholesterol.",
    "Great for people with arthritis.",
    "It measures blood pressure.",
    "4-stroke engine reduces fuel use.",
    "A rash guard that protects from the sun.",
    "Prevents cold air from coming in.",
    "Heals dry skin.",
    "Reduces the appearance of wrinkles.",
    "Controls fever pitch excitement",
    "It does not treat disease.",
    "Cured ham with honey.",
    "Slow-cured bacon.",
    "The bread is free of gluten, made for people with celiac disease.",
    "Diabetic socks with loose tops",
    "It is designed to help reduce stress and tension.",
    "Beats the winter blues",
]
PESTICIDE_CLAIMS = [
    "It kills 99.9% of germs.",
    "Repels mosquitoes and ticks all night.",
    "An antibacterial finish protects your family.",
    "Disinfects surfaces in seconds.",
    "It sanitizes surfaces around it.",
    "Destroys viruses and bacteria.",
    "Prevents the growth of mold and mildew.",
    "Kills fleas, ants and roaches.",
    "Keeps mosquitoes and flies away.",
    "Mosquito repellent built in.",
    "A natural insect-repelling scent.",
    "Bed bug killer.",
    "Antimicrobial protection built in",
    "Cleans and disinfects.",
    "Eliminates mold and mildew.",
    "Keeps bugs at bay.",
    "Kills weeds to the root.",
    "Protects against bacteria.",
]
NO_PESTICIDE_CLAIMS = [
    "A bug-out bag for three days.",
    "Debugging is easy.",
    "A mosquito net for two.",
    "The killer whale swims.",
    "A book on germ theory.",
    "Keeps bugs out with a fine mesh screen.",
    "Mosquito netting keeps insects away.",
    "Norton protects your computer against viruses.",
    "A pocket for your insect repellent.",
    "Grown without pesticides or weeds.",
    "Easy to disinfect between uses.",
    "Sterilize bottles before first use.",
    "Water-repellent fabric.",
    "Repels water and dirt.",
    "It does not kill germs.",
    "Ladybug pattern.",
    "The mouse pad works with optical mice.",
    "Wireless mice and keyboards.",
    "Probiotic bacteria for yogurt",
    "Live bacteria cultures",
    "Tick marks on the ruler",
    "Kills time on long trips.",
    "Resists mildew.",
    "Ant farm",
]


def report(sentence: str, product: Product = KETTLE) -> QualityReport:
    return JUDGE.report(product, HONEST.model_copy(update={"description": described(sentence)}))


def claims(sentence: str, product: Product = KETTLE) -> list[tuple[str, str, str]]:
    return [
        (violation.rule, violation.severity, violation.evidence)
        for violation in report(sentence, product).violations
        if violation.rule.startswith("claims.")
    ]


@pytest.mark.parametrize("sentence", HEALTH_CLAIMS)
def test_a_claim_to_treat_a_disease_or_symptom_is_found(sentence: str) -> None:
    assert "claims.health" in {rule for rule, _, _ in claims(sentence)}


@pytest.mark.parametrize("sentence", PESTICIDE_CLAIMS)
def test_a_claim_to_kill_or_repel_is_found(sentence: str) -> None:
    assert "claims.pesticide" in {rule for rule, _, _ in claims(sentence)}


@pytest.mark.parametrize("product", [KETTLE, CAPSULES])
@pytest.mark.parametrize("sentence", [*NO_HEALTH_CLAIMS, *NO_PESTICIDE_CLAIMS])
def test_a_sentence_that_only_sounds_like_a_claim_is_left_alone(sentence: str, product: Product) -> None:
    assert claims(sentence, product) == []


def test_evidence_is_the_claim_from_its_verb_to_what_it_is_about() -> None:
    assert claims("Daily use helps prevent the flu and colds.") == [("claims.health", "blocking", "prevent the flu")]
    assert claims("It kills 99.9% of germs.") == [("claims.pesticide", "blocking", "kills 99.9% of germs")]
    assert claims("Keeps flies away.") == [("claims.pesticide", "blocking", "Keeps flies away")]


def test_a_disease_blocks_and_a_symptom_weakens() -> None:
    assert claims("It eases back pain.") == [("claims.health", "major", "eases back pain")]
    assert report("It cures diabetes.").publishable is False


def test_a_drug_may_claim_what_its_record_states_and_no_more() -> None:
    gel = Product(
        product_id="gel-1",
        product_name="Jointa Arthritis Pain Gel",
        category=["Health", "Medicine", "Pain Relief"],
        attributes={"Active Ingredient": "Diclofenac sodium 1%"},
        description="Temporarily relieves arthritis pain in hands and knees.",
    )
    assert claims("It relieves arthritis pain.", gel) == []
    assert claims("It cures diabetes.", gel) == [("claims.health", "blocking", "cures diabetes")]


def test_a_supplement_may_not_claim_what_its_source_claims() -> None:
    assert claims("It cures arthritis.", CAPSULES) == [("claims.health", "blocking", "cures arthritis")]
    assert claims("It relieves joint pain.", CAPSULES) == [("claims.health", "major", "relieves joint pain")]


def test_a_brace_may_tell_of_the_symptom_that_its_record_tells() -> None:
    brace = Product(product_id="b", product_name="Knee Brace", description="Helps relieve knee and joint pain.")
    assert claims("It relieves joint pain.", brace) == []
    assert claims("It relieves a fever.", brace) == [("claims.health", "major", "relieves a fever")]


def test_a_registered_pesticide_may_claim_what_its_record_states() -> None:
    spray = Product(
        product_id="spray-1",
        product_name="Meadow Mosquito Spray",
        category=["Patio & Garden", "Pest Control"],
        attributes={"EPA Registration Number": "1234-56"},
        description="Kills mosquitoes on contact.",
    )
    assert claims("It kills mosquitoes on contact.", spray) == []
    assert claims("It kills cockroaches.", spray) == [("claims.pesticide", "blocking", "kills cockroaches")]


def test_a_finish_that_protects_the_article_itself_may_be_told_as_the_record_tells_it() -> None:
    """40 CFR 152.25(a): a treated article needs no registration; killing germs is not what protects it."""
    sock = KETTLE.model_copy(update={"features": ["Antimicrobial finish inhibits odor-causing bacteria"]})
    assert claims("Its antimicrobial finish inhibits bacteria.", sock) == []
    assert claims("It kills bacteria.", sock) == [("claims.pesticide", "blocking", "kills bacteria")]


def test_a_novel_of_illness_claims_nothing() -> None:
    novel = Product(product_id="n", product_name="The Ward", category=["Books"], description="A doctor fights cancer.")
    assert claims("A young doctor fights cancer and her own past.", novel) == []
    assert claims("Reading it cures diabetes.", novel) == [("claims.health", "blocking", "cures diabetes")]


def test_claims_are_found_in_every_field() -> None:
    listing = Listing(
        title="Kettle That Cures Cancer",
        key_features=["Treats asthma"],
        description="It heals ulcers.",
        seo_keywords=["cures gout"],
    )
    fields = {violation.field for violation in JUDGE.report(KETTLE, listing).violations if "claims" in violation.rule}
    assert fields == {"title", "key_features[0]", "description", "seo_keywords[0]"}


def test_a_template_writer_is_told_that_a_sentence_makes_a_claim() -> None:
    assert not JUDGE.acceptable("description", "It cures cancer.", KETTLE)
    assert JUDGE.acceptable("description", "Treat yourself to a cup.", KETTLE)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            "cures kills not . , flu cancer germs of the İ reduces risk may pain relief 99.9% bugs away keeps".split()
        ),
        max_size=14,
    )
)
def test_any_words_in_any_order_can_be_read(words: list[str]) -> None:
    text = " ".join(words)
    for violation in JUDGE.report(KETTLE, Listing(description=text)).violations:
        assert violation.evidence in text
