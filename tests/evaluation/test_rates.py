from __future__ import annotations

import math

import pytest
from hypothesis import given, settings

from bonaface.errors import ScoreError
from bonaface.evaluation import rates
from bonaface.evaluation.rates import Rate

from .tables import ROWS, THRESHOLDS, Row, table_of

BY_HAND = (
    ("bonafide", 0.1),
    ("bonafide", 0.2),
    ("bonafide", 0.5),  # at the threshold: rejected
    ("bonafide", None),
    ("print", 0.9),
    ("print", 0.4),  # accepted
    ("replay", 0.5),  # at the threshold: caught
    ("replay", 0.3),  # accepted
    ("replay", 0.2),  # accepted
    ("replay", None),
    ("morph", None),
)


def test_a_table_worked_by_hand() -> None:
    table = table_of(*BY_HAND)
    assert rates.apcer(table, 0.5) == {"morph": Rate(0, 0), "print": Rate(1, 2), "replay": Rate(2, 3)}
    assert rates.worst_species(rates.apcer(table, 0.5)) == "replay"
    assert rates.apcer_worst(table, 0.5) == Rate(2, 3)
    assert rates.apcer_pooled(table, 0.5) == Rate(3, 5)
    assert rates.bpcer(table, 0.5) == Rate(1, 3)
    assert rates.bpcer_with_non_responses(table, 0.5) == Rate(2, 4)
    assert rates.acer_worst(table, 0.5) == pytest.approx(0.5)
    assert rates.acer_pooled(table, 0.5) == pytest.approx(7 / 15)
    assert rates.apnrr(table) == Rate(2, 7)
    assert rates.apnrr_by_species(table) == {"morph": Rate(1, 1), "print": Rate(0, 2), "replay": Rate(1, 4)}
    assert rates.bpnrr(table) == Rate(1, 4)


def test_polarity_a_higher_score_means_attack() -> None:
    """Three of four attacks caught, one of ten bona fide rejected: swapped words would swap these numbers."""
    attacks: list[Row] = [("print", 0.9), ("print", 0.8), ("print", 0.7), ("print", 0.1)]
    bonafide: list[Row] = [("bonafide", 0.05)] * 9 + [("bonafide", 0.95)]
    table = table_of(*attacks, *bonafide)
    assert rates.apcer_pooled(table, 0.5).value == 0.25
    assert rates.bpcer(table, 0.5).value == 0.1


def test_the_ends_of_the_scale() -> None:
    table = table_of(("bonafide", 0.0), ("print", 1.0))
    assert rates.bpcer(table, 0.0) == Rate(1, 1)
    assert rates.apcer_pooled(table, 1.0) == Rate(0, 1)
    assert rates.apcer_pooled(table, 1.1) == Rate(1, 1)


def test_a_missing_class_is_not_a_perfect_one() -> None:
    table = table_of(("bonafide", 0.1))
    assert rates.apcer(table, 0.5) == {}
    assert rates.apcer_worst(table, 0.5) == Rate(0, 0)
    assert math.isnan(rates.apcer_pooled(table, 0.5).value)
    assert math.isnan(rates.acer_worst(table, 0.5))
    assert math.isnan(rates.acer_pooled(table, 0.5))
    assert rates.worst_species({}) is None


def test_the_worst_of_equals_is_the_first_in_the_alphabet() -> None:
    assert rates.worst_species({"replay": Rate(1, 2), "print": Rate(2, 4)}) == "print"


@pytest.mark.parametrize("threshold", [math.nan, math.inf, -math.inf])
def test_a_threshold_that_is_no_number_is_refused(threshold: float) -> None:
    with pytest.raises(ScoreError) as error:
        rates.bpcer(table_of(("bonafide", 0.1)), threshold)
    assert str(error.value) == f"a threshold must be a finite number; got {threshold}; choose one on dev"


@pytest.mark.parametrize(("errors", "total"), [(2, 1), (-1, 1), (0, -1)])
def test_a_rate_of_impossible_counts_is_refused(errors: int, total: int) -> None:
    with pytest.raises(ScoreError) as error:
        Rate(errors, total)
    assert (
        str(error.value) == f"errors must be between 0 and total; got {errors} of {total}; count them again"
    )


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, threshold=THRESHOLDS)
def test_rates_are_their_definitions(rows: list[Row], threshold: float) -> None:
    slow: dict[str, list[int]] = {}
    silent: dict[str, list[int]] = {}
    for species, score in rows:
        slow.setdefault(species, [0, 0])
        silent.setdefault(species, [0, 0])[1] += 1
        if score is None:
            silent[species][0] += 1
            continue
        called_attack = score >= threshold
        slow[species][1] += 1
        slow[species][0] += called_attack if species == "bonafide" else not called_attack
    table = table_of(*rows)
    bona = slow.pop("bonafide", [0, 0])
    bona_silent = silent.pop("bonafide", [0, 0])
    assert rates.apcer(table, threshold) == {name: Rate(*counts) for name, counts in slow.items()}
    assert rates.bpcer(table, threshold) == Rate(*bona)
    assert rates.bpnrr(table) == Rate(*bona_silent)
    assert rates.apnrr_by_species(table) == {name: Rate(*counts) for name, counts in silent.items()}
    assert rates.apnrr(table) == Rate(sum(c[0] for c in silent.values()), sum(c[1] for c in silent.values()))
    pooled = rates.apcer_pooled(table, threshold)
    assert pooled == Rate(sum(c[0] for c in slow.values()), sum(c[1] for c in slow.values()))
    both = rates.bpcer_with_non_responses(table, threshold)
    assert both == Rate(bona[0] + bona_silent[0], bona_silent[1])
    highest = max((c[0] / c[1] for c in slow.values() if c[1]), default=math.nan)
    worst = rates.apcer_worst(table, threshold).value
    assert worst == pytest.approx(highest, nan_ok=True)
    assert rates.acer_worst(table, threshold) == pytest.approx(
        (highest + (bona[0] / bona[1] if bona[1] else math.nan)) / 2, nan_ok=True
    )
    assert not pooled.value > worst


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, one=THRESHOLDS, other=THRESHOLDS)
def test_a_higher_threshold_never_rejects_more_nor_accepts_less(
    rows: list[Row], one: float, other: float
) -> None:
    table = table_of(*rows)
    low, high = sorted((one, other))
    assert rates.bpcer(table, high).errors <= rates.bpcer(table, low).errors
    assert rates.apcer_pooled(table, high).errors >= rates.apcer_pooled(table, low).errors


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, threshold=THRESHOLDS)
def test_the_order_of_rows_changes_nothing(rows: list[Row], threshold: float) -> None:
    there, back = table_of(*rows), table_of(*reversed(rows))
    assert rates.apcer(there, threshold) == rates.apcer(back, threshold)
    assert rates.bpcer_with_non_responses(there, threshold) == rates.bpcer_with_non_responses(back, threshold)
