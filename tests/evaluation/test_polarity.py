"""The witness of chance: the AUC of every order in which so many attacks and bona fide rows can stand."""

from __future__ import annotations

import itertools
import math

import pytest

from bonaface.evaluation.polarity import polarity_note

from .tables import table_of


def areas(num_attacks: int, num_bonafide: int) -> list[float]:
    """The AUC of all orders, by counting pairs."""
    total = num_attacks + num_bonafide
    return [
        sum(place > other for place in places for other in set(range(total)) - set(places))
        / (num_attacks * num_bonafide)
        for places in itertools.combinations(range(total), num_attacks)
    ]


def of_order(places: tuple[int, ...], total: int):
    return table_of(*(("print" if i in places else "bonafide", i / total) for i in range(total)))


@pytest.mark.parametrize(("num_attacks", "num_bonafide"), [(1, 1), (2, 3), (3, 3), (4, 4), (2, 7), (5, 3)])
def test_a_note_is_written_beyond_chance_alone(num_attacks: int, num_bonafide: int) -> None:
    total = num_attacks + num_bonafide
    every = areas(num_attacks, num_bonafide)
    deviation = math.sqrt(math.fsum((area - 0.5) ** 2 for area in every) / len(every))
    orders = itertools.combinations(range(total), num_attacks)
    for area, places in zip(every, orders, strict=True):
        is_noted = polarity_note(of_order(places, total)) is not None
        assert is_noted == (0.5 - area > 1.96 * deviation), (area, places)


def test_few_rows_are_chance_and_more_are_not() -> None:
    assert polarity_note(table_of(("print", 0.1), ("bonafide", 0.9))) is None
    assert polarity_note(table_of(*[("print", 0.1)] * 2, *[("bonafide", 0.9)] * 2)) is None
    assert polarity_note(table_of(*[("print", 0.1)] * 3, *[("bonafide", 0.9)] * 3)) is not None


def test_the_note_says_what_was_seen() -> None:
    table = table_of(
        *[("print", 0.1)] * 8, *[("bonafide", 0.9)] * 7, ("bonafide", 0.05), ("replay", None)
    )  # 8 of 64 pairs in order
    assert polarity_note(table) == (
        "scores rank bona fide above attacks: the AUC of 8 attacks and 8 bona fide rows is 0.1250, "
        "below 0.5 by more than chance; is the polarity right, and are the labels?"
    )


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [("print", 0.1)] * 9,
        [("bonafide", 0.9)] * 9,
        [("print", None)] * 9 + [("bonafide", 0.9)] * 9,
        [("print", 0.9)] * 9 + [("bonafide", 0.1)] * 9,
        [("print", 0.5)] * 9 + [("bonafide", 0.5)] * 9,
    ],
    ids=["nothing", "attacks", "bona fide", "no attack scored", "right", "a constant"],
)
def test_nothing_to_say(rows: list[tuple[str, float | None]]) -> None:
    assert polarity_note(table_of(*rows)) is None
