from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.errors import ScoreError
from bonaface.evaluation.group_columns import GroupColumn, group_columns, in_order
from bonaface.evaluation.scores import ScoreTable

from .tables import table_of


def table_with(**groups: list[str]) -> ScoreTable:
    return table_of(*[("bonafide", 0.1)] * len(next(iter(groups.values()))), groups=groups)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("gender", ["man", "other", "woman"]),
        ("age", ["9", "10", "18.5", "100"]),
        ("age", ["<18", "18-30", "31-50", "51+"]),
        ("age", ["10", "9", "unsure"]),  # not all of them numbers: by alphabet
        ("device", ["iphone 12", "pixel 3"]),
        ("skin_tone", [str(tone) for tone in range(1, 11)]),
        ("skin_tone", ["Monk 1", "Monk 2", "Monk 10"]),
        ("skin_tone", ["MST-3", "mst_9", "MST 10"]),
        ("skin_tone", ["I", "II", "III", "IV", "V", "VI"]),
        ("skin_tone", ["Fitzpatrick type IV", "Fitzpatrick type V", "Fitzpatrick type VI"]),
        ("skin_tone", ["1", "IX", "V"]),  # two scales, or none: by alphabet
        ("row", ["IV", "IX", "V"]),  # no scale of skin tone
    ],
)
def test_groups_are_in_the_order_a_reader_expects(column: str, values: list[str]) -> None:
    assert in_order(column, values[::-1]) == values


def test_rows_know_their_group_and_an_empty_value_is_none() -> None:
    ((column,), notes) = group_columns(table_with(age=["30", "", "7", "30"]))
    assert (column.names, column.groups) == (("age",), (("7",), ("30",)))
    assert column.of_row.tolist() == [1, -1, 0, 1]
    assert notes == []


def test_what_has_nothing_to_compare_is_passed_over_with_a_note() -> None:
    many = [f"video {i}" for i in range(21)]
    table = table_with(
        presentation=many,
        lighting=["day"] * 20 + [""],
        camera=[""] * 21,
        accepted=["accept", "reject"] * 10 + ["accept"],
        site=[*many[:20], ""],
    )
    columns, notes = group_columns(table)
    assert [column.names for column in columns] == [("site",)]
    assert notes == [
        "column presentation has 21 values, more than 20: passed over; put them in bands",
        "column lighting has one value: nothing to compare",
        "column camera has no value: nothing to compare",
    ]


def test_columns_are_those_asked_for_each_once() -> None:
    table = table_with(gender=["woman", "man"], accepted=["accept", "reject"], age=["7", "8"])
    columns, _ = group_columns(table, ["accepted", "gender", "accepted"])
    assert [column.names for column in columns] == [("accepted",), ("gender",)]
    assert group_columns(table, ()) == ([], [])


def test_a_column_that_is_not_there_is_an_error() -> None:
    table = table_with(gender=["woman", "man"], age=["7", "8"])
    with pytest.raises(ScoreError) as error:
        group_columns(table, ["gendre"])
    assert str(error.value) == (
        "groups must be those of a group column; got 'gendre' of gender, age; did you mean 'gender'?"
    )
    with pytest.raises(ScoreError) as error:
        group_columns(table_of(("bonafide", 0.1)), ["skin_tone"])
    assert str(error.value) == (
        "groups must be those of a group column; got 'skin_tone' of no group column; add it"
    )


VALUES = st.sampled_from(["", "a", "b", "c"])


@given(pairs=st.lists(st.tuples(VALUES, VALUES), max_size=12))
def test_crossed_groups_are_the_pairs_that_have_a_row(pairs: list[tuple[str, str]]) -> None:
    rows = [("a", "a"), ("b", "c"), *pairs]
    (first, second), _ = group_columns(
        table_with(first=[one for one, _ in rows], second=[other for _, other in rows])
    )
    crossed: GroupColumn = first.crossed(second)
    known = sorted({row for row in rows if all(row)})
    assert crossed.names == ("first", "second")
    assert crossed.groups == tuple(known)
    assert crossed.of_row.tolist() == [known.index(row) if all(row) else -1 for row in rows]


def test_columns_of_simulated_sets_are_groups_only_when_asked_for() -> None:
    table = table_with(variant=["laser", "photo"], simulation=["print", "replay"], age=["30", "40"])
    assert [column.names for column in group_columns(table)[0]] == [("age",)]
    assert [column.names for column in group_columns(table, ["variant"])[0]] == [("variant",)]
