from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path

import pytest
from typer.testing import CliRunner

from walmart_pipeline.cli import app
from walmart_pipeline.judge import profiles
from walmart_pipeline.judge.judge import Judge
from walmart_pipeline_tests.judge.examples import HONEST, KETTLE, described


def profile(folder: Path, text: str) -> Path:
    path = folder / "ours.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_profiles_that_ship_differ_in_their_title() -> None:
    assert profiles.available() == ["walmart-2025", "walmart-classic"]
    assert profiles.load("walmart-2025").limits.title_max == 150
    classic = profiles.load("walmart-classic")
    assert (classic.limits.title_min, classic.limits.title_max) == (50, 100)
    title = "Brewster Glass Electric Kettle with a Blue Light Ring, Auto Shut-Off, 1.7 L, 1500 W, Cord of 30 in for Tea"
    listing = HONEST.model_copy(update={"title": title})
    assert Judge(profiles.load("walmart-2025")).report(KETTLE, listing).publishable
    assert not Judge(classic).report(KETTLE, listing).publishable


def test_a_new_rule_is_yaml_only(tmp_path: Path) -> None:
    path = profile(
        tmp_path,
        """
name: ours
extends: walmart-2025
word_lists:
  gifts: [stocking stuffer, {phrase: present, not_after: [always]}]
rules:
  description.gift: {severity: minor, source: ours, fields: [description], words: [gifts], message: "Cut {evidence}."}
""",
    )
    judge = Judge(profiles.load(path))
    listing = HONEST.model_copy(update={"description": described("A present, a stocking-stuffer, always present.")})
    violations = judge.report(KETTLE, listing).violations
    messages = [violation.message for violation in violations if violation.rule == "description.gift"]
    assert messages == ["Cut present.", "Cut stocking-stuffer."]


def test_a_pattern_of_ones_own_is_tried_where_the_profile_says(tmp_path: Path) -> None:
    path = profile(
        tmp_path,
        """
name: ours
extends: walmart-2025
patterns:
  opening: {at_start: true, regex: "(?i)this is"}
  degree: "[0-9]+ degrees?"
  dash: "—"
rules:
  description.own:
    {severity: minor, source: ours, fields: [key_features, description], patterns: [opening, degree, dash],
     message: "Cut {evidence}."}
""",
    )
    features = ["This is a kettle -- and this is all", "Boils to 100 degrees — this is hot", "Turns by 90 Degree steps"]
    listing = HONEST.model_copy(update={"key_features": features})
    found = [
        (violation.field, violation.evidence)
        for violation in Judge(profiles.load(path)).report(KETTLE, listing).violations
        if violation.rule == "description.own"
    ]
    assert found == [("key_features[0]", "This is"), ("key_features[1]", "100 degrees"), ("key_features[1]", "—")]


def test_a_pattern_is_found_wherever_its_trace_lets_it_be_searched() -> None:
    """A trace that is too narrow would hide what the pattern forbids."""
    alphabet = [*" ,;:!?.(-aAs", "wood", "Answer", "we", "ve", "amzn.to/a"]
    texts = ["".join(parts) for size in (1, 2, 3, 4) for parts in product(alphabet, repeat=size)]
    for name, pattern in profiles.load("walmart-2025").patterns.items():
        if pattern.trace:
            regex, trace = re.compile(pattern.regex), re.compile(pattern.trace)
            matching = [text for text in texts if regex.search(text)]
            assert matching, name
            assert [text for text in matching if not trace.search(text)] == [], name


def test_a_limit_and_a_severity_can_be_overridden_alone(tmp_path: Path) -> None:
    path = profile(
        tmp_path,
        """
name: ours
extends: walmart-classic
limits: {description_min_words: 300}
rules: {description.length: {severity: minor}}
""",
    )
    ours = profiles.load(str(path))
    assert (ours.limits.title_max, ours.limits.description_min_words) == (100, 300)
    (violation,) = Judge(ours).report(KETTLE, HONEST).violations
    assert (violation.rule, violation.severity) == ("description.length", "minor")


def test_a_rule_can_be_switched_off(tmp_path: Path) -> None:
    path = profile(tmp_path, "name: ours\nextends: walmart-2025\nrules: {title.year: {enabled: false}}\n")
    listing = HONEST.model_copy(update={"title": "Brewster Glass Electric Kettle 2025, 1.7 L, Auto Shut-Off"})
    rules = {violation.rule for violation in Judge(profiles.load(path)).report(KETTLE, listing).violations}
    assert "title.year" not in rules


def test_the_version_names_the_content(tmp_path: Path) -> None:
    first = profiles.load("walmart-2025")
    assert first.label == f"walmart-2025@{first.version}"
    assert profiles.load("walmart-2025").version == first.version
    text = "name: walmart-2025\nextends: walmart-2025\n"
    assert profiles.load(profile(tmp_path, text)).version == first.version
    assert profiles.load(profile(tmp_path, text + "publishable_score: 71\n")).version != first.version
    assert Judge(first).report(KETTLE, HONEST).policy == first.label


def test_the_rules_can_be_told_to_a_writer() -> None:
    sentences = profiles.load("walmart-classic").sentences()
    assert any("50 to 100 characters" in sentence for sentence in sentences)
    assert any("at least 150 words" in sentence for sentence in sentences)
    assert all("{" not in sentence and len(sentence) < 160 for sentence in sentences)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("limits: {title_maximum: 3}", "limits.title_maximum: .*correct its spelling"),
        ("limits: {title_max: many}", "limits.title_max"),
        ("limits: {title_max: 10}", "title_min is above title_max"),
        ("rules: {title.yaer: {severity: major, source: s, message: m}}", "did you mean title.year"),
        (
            "rules: {a.b: {severity: major, source: s, message: m, words: [promotion]}}",
            "a.b.fields: missing: name title",
        ),
        ("rules: {title.url: {patterns: [uri]}}", "names uri, which is not in patterns"),
        ("rules: {title.url: {severity: fatal}}", "rules.title.url.severity"),
        ("rules: {title.url: {message: 'cut {this}'}}", "asks for {this}: use one of"),
        ("patterns: {url: '('}", "url is not a regular expression"),
        ("patterns: {url: 'x*'}", "url matches an empty text"),
        ("penalties: [1]", "penalties"),
        ("- a", "not YAML|not a mapping"),
    ],
)
def test_a_faulty_profile_is_refused_with_file_field_and_remedy(tmp_path: Path, text: str, told: str) -> None:
    path = profile(tmp_path, f"name: ours\nextends: walmart-2025\n{text}\n")
    with pytest.raises(profiles.PolicyError, match=told) as error:
        profiles.load(path)
    assert "ours.yaml" in str(error.value)


def test_an_unknown_profile_or_a_circle_is_told(tmp_path: Path) -> None:
    with pytest.raises(profiles.PolicyError, match="walmart-2025, walmart-classic"):
        profiles.load("walmart-1999")
    with pytest.raises(profiles.PolicyError, match="extends itself"):
        profiles.load(profile(tmp_path, "name: ours\nextends: ours.yaml\n"))


FAULTY = """
name: ours
extends: walmart-2025
limits: {title_maximum: 3}
rules:
  title.yaer: {severity: major, source: s, message: m}
  title.url: {severity: fatal}
  a.b: {severity: major, source: s, message: "cut {this}", words: [nolist]}
"""


def test_every_error_of_a_profile_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(profiles.PolicyError) as error:
        profiles.load(profile(tmp_path, FAULTY))
    places = [problem.split(": ")[1] for problem in error.value.problems]
    assert places == [
        "limits.title_maximum",
        "rules.title.url.severity",
        "rules.title.yaer",
        "rules.a.b.fields",
        "rules.a.b.words",
        "rules.a.b.message",
    ]


def test_a_variant_named_as_a_field_holds_there(tmp_path: Path) -> None:
    path = profile(
        tmp_path,
        """
name: ours
extends: walmart-2025
word_lists: {gifts: [stocking stuffer]}
rules:
  ours.gift:
    severity: minor
    source: ours
    fields: [title, key_features]
    words: [gifts]
    message: Cut it.
    variants: {title: {severity: blocking, message: "Not in the title."}}
""",
    )
    listing = HONEST.model_copy(
        update={
            "title": "Brewster Glass Electric Kettle, a Stocking Stuffer, 1.7 L",
            "key_features": [*HONEST.key_features, "Stocking stuffer"],
        }
    )
    violations = Judge(profiles.load(path)).report(KETTLE, listing).violations
    own = [violation for violation in violations if not violation.rule.startswith("grounding.")]
    assert [(violation.severity, violation.message) for violation in own] == [
        ("blocking", "Not in the title."),
        ("minor", "Cut it."),
    ]


def test_a_good_profile_is_told_by_what_it_changes(tmp_path: Path) -> None:
    text = "name: ours\nextends: walmart-classic\nlimits: {title_max: 90}\nrules: {title.year: {enabled: false}}\n"
    path = profile(tmp_path, text)
    result = CliRunner().invoke(app, ["policy", "check", str(path), "--json"])
    found = json.loads(result.stdout)
    assert (result.exit_code, found["errors"], found["name"]) == (0, [], "ours")
    assert (found["extends"], found["version"]) == ("walmart-classic", profiles.load(path).version)
    assert found["changed"] == {"title_max": [100, 90]}
    assert found["rules_off"] == ["title.year"]
    assert "title.year" not in found["rules_on"]
    shown = CliRunner().invoke(app, ["policy", "check", str(path)])
    assert shown.exit_code == 0
    assert "extends walmart-classic" in shown.stdout


def test_a_faulty_profile_ends_with_exit_code_1_and_its_errors(tmp_path: Path) -> None:
    path = profile(tmp_path, FAULTY)
    result = CliRunner().invoke(app, ["policy", "check", str(path), "--json"])
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)["errors"]) == 6
    missing = CliRunner().invoke(app, ["policy", "check", str(tmp_path / "none.yaml"), "--json"])
    assert missing.exit_code == 1
    assert "walmart-2025, walmart-classic" in json.loads(missing.stdout)["errors"][0]


def test_the_profiles_that_ship_are_listed() -> None:
    result = CliRunner().invoke(app, ["policy", "list", "--json"])
    assert [profile["name"] for profile in json.loads(result.stdout)] == profiles.available()


def test_a_list_of_ones_own_can_be_added_to_the_claims(tmp_path: Path) -> None:
    text = """
name: ours
extends: walmart-2025
word_lists: {our_diseases: [space sickness]}
rules: {claims.health: {words: [diseases, our_diseases]}}
"""
    judge = Judge(profiles.load(profile(tmp_path, text)))
    listing = HONEST.model_copy(update={"description": described("It cures space sickness. Space sickness is rare.")})
    violations = judge.report(KETTLE, listing).violations
    found = [violation.evidence for violation in violations if violation.rule == "claims.health"]
    assert found == ["cures space sickness"]
