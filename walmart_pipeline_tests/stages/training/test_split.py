import hashlib
from collections import Counter

import pytest

from walmart_pipeline.stages.training.split_assignment import split_of

FAMILIES = [hashlib.md5(str(number).encode()).hexdigest() for number in range(4000)]


def test_shares_are_kept() -> None:
    counts = Counter(split_of(family, seed=7) for family in FAMILIES)
    assert counts["validation"] == pytest.approx(600, abs=100)
    assert counts["test"] == pytest.approx(600, abs=100)


def test_a_family_keeps_its_side_from_release_to_release() -> None:
    """Known answers: another hash would put into training what stored results were tested on."""
    known = {"kettle": "train", "vase": "train", "chair": "validation", "bench": "validation", "desk": "test"}
    assert {family: split_of(family, seed=7) for family in known} == known


def test_another_seed_is_another_split() -> None:
    assert [split_of(family, seed=1) for family in FAMILIES] != [split_of(family, seed=2) for family in FAMILIES]


def test_a_larger_test_share_gives_no_tested_family_back_to_training() -> None:
    for family in FAMILIES:
        before, after = split_of(family, seed=7), split_of(family, seed=7, test_share=0.25)
        assert after == before or (before, after) == ("train", "test")


@pytest.mark.parametrize("shares", [(-0.1, 0.1), (0.1, -0.1), (0.5, 0.5)])
def test_shares_that_leave_nothing_to_train_on_are_refused(shares: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="leave nothing to train on"):
        split_of("kettle", seed=7, validation_share=shares[0], test_share=shares[1])
