from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from sklearn.metrics import roc_auc_score

from bonaface.errors import ScoreError
from bonaface.evaluation.curves import EqualErrorRate, auc, auc_of, eer, error_steps

from .tables import ROWS_OF_BOTH, Row, both_classes, table_of, two_errors


def test_auc_by_hand_with_a_tie_and_a_non_response() -> None:
    """Pairs: 0.4 against 0.1 and 0.4 wins 1.5 of 2; 0.9 wins 2 of 2."""
    table = table_of(
        ("bonafide", 0.1),
        ("bonafide", 0.4),
        ("bonafide", None),
        ("print", 0.4),
        ("morph", 0.9),
        ("print", None),
    )
    assert auc(table) == 3.5 / 4


def test_auc_rises_with_attacks_that_score_high() -> None:
    assert auc(table_of(("bonafide", 0.1), ("print", 0.9))) == 1.0
    assert auc(table_of(("bonafide", 0.9), ("print", 0.1))) == 0.0
    assert auc(table_of(("bonafide", 0.5), ("print", 0.5))) == 0.5


def test_auc_of_takes_any_range() -> None:
    assert auc_of([-3.0, 12.0], [False, True]) == 1.0


def test_auc_agrees_with_scikit_learn_on_many_rows() -> None:
    generator = np.random.default_rng(7)
    is_attack = generator.random(20_000) < 0.3
    scores = np.round(generator.normal(is_attack * 1.0, 1.0), 2)
    assert auc_of(scores, is_attack) == pytest.approx(roc_auc_score(is_attack, scores), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS_OF_BOTH)
def test_auc_is_its_definition(rows: list[Row]) -> None:
    assume(both_classes(rows))
    attacks = [s for species, s in rows if species != "bonafide" and s is not None]
    bonafide = [s for species, s in rows if species == "bonafide" and s is not None]
    wins = 0.0
    for attack in attacks:
        for genuine in bonafide:
            wins += 1.0 if attack > genuine else 0.5 if attack == genuine else 0.0
    table = table_of(*rows)
    assert auc(table) == pytest.approx(wins / (len(attacks) * len(bonafide)), abs=1e-15)
    scored = table.select(table.has_score)
    assert auc(table) == pytest.approx(roc_auc_score(scored.is_attack, scored.attack_score), abs=1e-12)
    assert auc(table_of(*reversed(rows))) == auc(table)


def test_eer_by_hand() -> None:
    """At 0.6 two of four attacks pass and one of two bona fide is rejected: there they meet."""
    table = table_of(
        ("bonafide", 0.1),
        ("bonafide", 0.6),
        ("print", 0.3),
        ("print", 0.4),
        ("print", 0.8),
        ("print", 0.9),
    )
    assert eer(table) == EqualErrorRate(0.5, 0.5, 0.5)


def test_eer_between_steps_that_do_not_meet() -> None:
    """At 0.5: none of three attacks passes, one of four bona fide is rejected; at 0.6 it is 1/3 and 1/4."""
    table = table_of(
        ("bonafide", 0.1),
        ("bonafide", 0.2),
        ("bonafide", 0.3),
        ("bonafide", 0.7),
        ("print", 0.5),
        ("print", 0.6),
        ("print", 0.8),
    )
    assert eer(table) == EqualErrorRate(pytest.approx(7 / 24), 1 / 4, 1 / 3)


def test_eer_of_classes_that_do_not_overlap_is_zero_and_swapped_is_one() -> None:
    assert eer(table_of(("bonafide", 0.1), ("print", 0.9))) == EqualErrorRate(0.0, 0.0, 0.0)
    assert eer(table_of(("bonafide", 0.9), ("print", 0.1))) == EqualErrorRate(1.0, 1.0, 1.0)


def test_eer_of_a_constant_is_a_half() -> None:
    assert eer(table_of(("bonafide", 0.3), ("print", 0.3))) == EqualErrorRate(0.5, 0.0, 1.0)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS_OF_BOTH)
def test_eer_is_its_definition(rows: list[Row]) -> None:
    assume(both_classes(rows))
    candidates = [*sorted({score for _, score in rows if score is not None}), 2.0]
    nearest = min(abs(a - b) for a, b in (two_errors(rows, t) for t in candidates))
    result = eer(table_of(*rows))
    assert result.upper - result.lower == pytest.approx(nearest, abs=1e-12)
    pairs = [two_errors(rows, t) for t in candidates]
    first = next((a, b) for a, b in pairs if abs(a - b) < nearest + 1e-12)
    assert (result.lower, result.upper) == (min(first), max(first))
    assert result.value == pytest.approx(sum(first) / 2)
    assert eer(table_of(*reversed(rows))) == result


def test_steps_count_at_every_unique_score() -> None:
    steps = error_steps(table_of(("bonafide", 0.1), ("bonafide", 0.5), ("print", 0.5), ("print", 0.9)))
    assert steps.thresholds.tolist() == [0.1, 0.5, 0.9]
    assert steps.attacks_accepted.tolist() == [0, 0, 1]
    assert steps.bonafide_rejected.tolist() == [2, 1, 0]
    assert (steps.num_attacks, steps.num_bonafide) == (2, 2)


@pytest.mark.parametrize(
    ("rows", "came"),
    [
        ((), "0 bona fide and 0 attack"),
        ((("bonafide", 0.1), ("print", None)), "1 bona fide and 0 attack"),
        ((("print", 0.1), ("print", 0.2)), "0 bona fide and 2 attack"),
    ],
)
def test_a_missing_class_is_an_error(rows: tuple[Row, ...], came: str) -> None:
    for quantity in (auc, eer):
        with pytest.raises(ScoreError) as error:
            quantity(table_of(*rows))
        expected = f"both classes must have a row with a score; got {came}; add the missing class"
        assert str(error.value) == expected


@pytest.mark.parametrize(
    ("scores", "flags", "message"),
    [
        (
            [0.1, 0.2],
            [0, 1],
            "is_attack must be 2 booleans, one a score; got shape (2,) of int64; compare labels to make them",
        ),
        (
            [0.1, 0.2, 0.3],
            [False, True],
            "is_attack must be 3 booleans, one a score; got shape (2,) of bool; compare labels to make them",
        ),
        (
            [0.1, np.nan],
            [False, True],
            "scores must be finite; got NaN or infinity; leave out rows without a score",
        ),
        (
            [0.1, np.inf],
            [False, True],
            "scores must be finite; got NaN or infinity; leave out rows without a score",
        ),
    ],
)
def test_auc_of_refuses_other_arrays(scores: list[float], flags: list[bool], message: str) -> None:
    with pytest.raises(ScoreError) as error:
        auc_of(scores, flags)
    assert str(error.value) == message
