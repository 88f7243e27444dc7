from __future__ import annotations

import math

import pytest
from hypothesis import assume, given, settings
from sklearn.dummy import DummyClassifier
from sklearn.metrics import accuracy_score

from bonaface.errors import ScoreError
from bonaface.evaluation import detection, rates
from bonaface.evaluation.curves import eer
from bonaface.evaluation.detection import Accuracy
from bonaface.evaluation.rates import Rate

from .tables import ROWS_OF_BOTH, THRESHOLDS, Row, both_classes, table_of

BY_HAND: tuple[Row, ...] = (
    ("bonafide", 0.1),
    ("bonafide", 0.6),  # rejected
    ("bonafide", None),
    ("morph", 0.2),  # accepted
    ("morph", 0.9),
    ("morph", None),
    ("print", 0.8),
    ("print", 0.4),  # accepted
    ("print", 0.7),
    ("print", 0.9),
)


def test_a_table_worked_by_hand() -> None:
    table = table_of(*BY_HAND)
    assert detection.accuracy(table, 0.5) == Accuracy(correct=5, constant_correct=6, total=8)
    assert detection.accuracy(table, 0.5).value == 0.625
    assert detection.accuracy(table, 0.5).constant_value == 0.75
    assert detection.hter(table, 0.5) == pytest.approx((2 / 6 + 1 / 2) / 2)
    assert detection.macer(table, 0.5) == Rate(1, 2)
    assert detection.macer(table, 0.5, species="print") == Rate(1, 4)
    assert detection.bscer(table, 0.5) == Rate(1, 2)
    assert detection.apcer_with_non_responses(table, 0.5) == {"morph": Rate(2, 3), "print": Rate(1, 4)}
    assert detection.acer_with_non_responses(table, 0.5) == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert detection.d_eer(table) == eer(table)


def test_a_constant_answer_is_as_accurate_as_the_larger_class() -> None:
    """Nine in ten are attacks: calling everything an attack is 90 % accurate, and worthless."""
    table = table_of(*[("print", 0.9)] * 9, ("bonafide", 0.9))
    result = detection.accuracy(table, 0.5)
    assert result.value == result.constant_value == 0.9


def test_of_nothing_is_not_perfect() -> None:
    empty = detection.accuracy(table_of(("print", None)), 0.5)
    assert math.isnan(empty.value)
    assert math.isnan(empty.constant_value)
    assert detection.macer(table_of(("print", 0.1)), 0.5) == Rate(0, 0)
    assert math.isnan(detection.acer_with_non_responses(table_of(("bonafide", 0.1)), 0.5))


@settings(max_examples=80, deadline=None)
@given(rows=ROWS_OF_BOTH, threshold=THRESHOLDS)
def test_rates_are_their_definitions(rows: list[Row], threshold: float) -> None:
    assume(both_classes(rows))
    table = table_of(*rows)
    scored = [(species != "bonafide", score) for species, score in rows if score is not None]
    truth = [is_attack for is_attack, _ in scored]
    result = detection.accuracy(table, threshold)
    assert result.value == pytest.approx(accuracy_score(truth, [score >= threshold for _, score in scored]))
    constant = DummyClassifier(strategy="most_frequent").fit([[0]] * len(truth), truth)
    assert result.constant_value == pytest.approx(constant.score([[0]] * len(truth), truth))
    slow: dict[str, list[int]] = {}
    for species, score in rows:
        counts = slow.setdefault(species, [0, 0])
        counts[1] += 1
        counts[0] += score is None or (score >= threshold) == (species == "bonafide")
    bonafide = slow.pop("bonafide")
    silent = detection.apcer_with_non_responses(table, threshold)
    assert silent == {name: Rate(*counts) for name, counts in slow.items()}
    worst = max(errors / total for errors, total in slow.values())
    assert detection.acer_with_non_responses(table, threshold) == pytest.approx(
        (worst + bonafide[0] / bonafide[1]) / 2
    )
    assert detection.hter(table, threshold) == rates.acer_pooled(table, threshold)


def test_iapar_by_hand() -> None:
    """Print: one passes both, one the gate alone, one the recogniser alone. An attack without a score does not pass."""
    rows: list[Row] = [
        ("print", 0.1),
        ("print", 0.1),
        ("print", 0.9),
        ("morph", None),
        ("morph", 0.3),
        ("bonafide", 0.2),
    ]
    answers = ["accept", "reject", "accept", "accept", "accept", "unknown"]
    table = table_of(*rows, groups={"accepted": answers})
    assert detection.iapar(table, 0.5) == {"morph": Rate(1, 2), "print": Rate(1, 3)}
    assert detection.iapar(table, 1.1) == {"morph": Rate(1, 2), "print": Rate(2, 3)}


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (
            {},
            "scores must have a column accepted with 'accept' or 'reject'; got no group column; "
            "add the recogniser's answers",
        ),
        (
            {"device": ["a", "b"]},
            "scores must have a column accepted with 'accept' or 'reject'; got device; "
            "add the recogniser's answers",
        ),
        (
            {"accepted": ["accept", "yes"]},
            "accepted must be 'accept' or 'reject' for every attack; sample 'test-1' has 'yes'; correct the row",
        ),
    ],
)
def test_iapar_wants_the_recognisers_answers(groups: dict[str, list[str]], message: str) -> None:
    with pytest.raises(ScoreError) as error:
        detection.iapar(table_of(("print", 0.1), ("print", 0.2), groups=groups), 0.5)
    assert str(error.value) == message


def test_a_morph_is_an_attack() -> None:
    with pytest.raises(ScoreError) as error:
        detection.macer(table_of(("bonafide", 0.1)), 0.5, species="bonafide")
    assert str(error.value) == "a morph must be a species of attack; got 'bonafide'; name one, e.g. 'morph'"


def test_a_threshold_that_is_no_number_is_refused() -> None:
    table = table_of(("bonafide", 0.1), groups={"accepted": [""]})
    for quantity in (detection.accuracy, detection.hter, detection.macer, detection.iapar):
        with pytest.raises(ScoreError, match="a threshold must be a finite number; got nan"):
            quantity(table, math.nan)
