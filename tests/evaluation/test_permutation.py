from __future__ import annotations

from itertools import combinations, permutations, product

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bonaface.evaluation.permutation import MAX_CIRCLE, exchange_test, holm

DRAWS = 20_000
CLOSE = 0.015
"""Four standard errors of a share of so many draws, at most."""

Cells = list[tuple[int, int, int, int]]
"""Subject, group, errors and rows of each unit."""


def chance(cells: Cells, *, draws: int = DRAWS, seed: int = 0) -> float:
    """The test on rows spelled out, all of one species."""
    subject, group, _, rows = np.array(cells).T
    is_error = np.concatenate([np.arange(total) < errors for _, _, errors, total in cells])
    subject, group = np.repeat(subject, rows), np.repeat(group, rows)
    return exchange_test(subject, group, np.zeros(len(group), int), is_error, permutations=draws, seed=seed)


def of_subjects(groups: list[list[int]], rows: int) -> Cells:
    """Subjects of one group each, by their errors in as many rows."""
    cells = [(group, errors) for group, its in enumerate(groups) for errors in its]
    return [(subject, group, errors, rows) for subject, (group, errors) in enumerate(cells)]


def test_two_groups_of_subjects_are_exchanged_as_scipy_does() -> None:
    groups = [[0, 1, 2, 5], [1, 4, 5, 7, 8]]
    witness = scipy.stats.permutation_test(
        groups, lambda one, other: abs(np.mean(one) - np.mean(other)), alternative="greater"
    )
    assert chance(of_subjects(groups, 10)) == pytest.approx(witness.pvalue, abs=CLOSE)


def test_three_groups_of_subjects_are_as_uneven_as_an_analysis_of_variance_says() -> None:
    groups = [[0, 1, 2, 3, 1], [2, 4, 5, 3], [4, 1, 5, 7, 2, 3]]
    witness = scipy.stats.permutation_test(
        groups,
        lambda *parts, axis: scipy.stats.f_oneway(*parts, axis=axis).statistic,
        alternative="greater",
        vectorized=True,
        n_resamples=DRAWS,
        rng=1,
    )
    assert chance(of_subjects(groups, 10)) == pytest.approx(witness.pvalue, abs=CLOSE)


def test_a_subject_of_two_groups_is_compared_with_itself_as_scipy_does() -> None:
    """Subjects differ by far more than their rows by day and by night."""
    day, night = np.array([0, 4, 9, 12, 15, 3, 7]), np.array([2, 5, 13, 13, 18, 3, 6])
    witness = scipy.stats.permutation_test(
        (day, night),
        lambda one, other, axis: np.abs(np.mean(one - other, axis=axis)),
        permutation_type="samples",
        alternative="greater",
        vectorized=True,
    )
    cells = [(i, j, int(errors), 20) for j, its in enumerate((day, night)) for i, errors in enumerate(its)]
    assert chance(cells) == pytest.approx(witness.pvalue, abs=CLOSE)


def test_subjects_that_are_all_alike_turn_one_by_one() -> None:
    """Each of ten has two more errors by night: one of two in 2^10 exchanges, as all or none of ten coins."""
    cells = [(i, j, 2 * j + i % 3, 20) for i in range(10) for j in range(2)]
    assert chance(cells) == pytest.approx(2 / 1024, abs=CLOSE / 10)
    at_least_eight = scipy.stats.binomtest(8, 10).pvalue
    cells = [(i, j, 2 * (j == (i < 8)), 20) for i in range(10) for j in range(2)]
    assert chance(cells) == pytest.approx(at_least_eight, abs=CLOSE)


def sum_of_squares(groups: tuple[int, ...], values: list[float], weights: list[float]) -> float:
    total = 0.0
    for group in set(groups):
        members = [i for i, one in enumerate(groups) if one == group]
        total += sum(values[i] for i in members) ** 2 / sum(weights[i] for i in members)
    return total


def test_subjects_of_one_group_and_of_three_in_one_table() -> None:
    """Every exchange of four subjects with every turn of three others, one by one."""
    alone, turning = [1, 6, 3, 8], [[2, 5, 4], [0, 3, 9], [5, 6, 9]]
    cells = of_subjects([alone[:1], alone[1:3], alone[3:]], 10)
    cells += [(9 + i, group, errors, 10) for i, its in enumerate(turning) for group, errors in enumerate(its)]
    values = [errors - np.mean(alone) for errors in alone]
    values += [errors - np.mean(its) for its in turning for errors in its]
    weights = [1.0] * 4 + [2 / 3] * 9  # a third of the mean that they are compared with is their own
    found = [
        sum_of_squares(
            (*first, *(group for turn in turns for group in np.roll([0, 1, 2], turn).tolist())),
            values,
            weights,
        )
        for first in permutations((0, 1, 1, 2))
        for turns in product(range(3), repeat=3)
    ]
    witness = np.mean(np.array(found) >= found[0] - 1e-9)
    assert chance(cells) == pytest.approx(witness, abs=CLOSE)


@pytest.mark.parametrize(("errors", "size"), [(9, 40), (30, MAX_CIRCLE * 2 + 12_347)])
def test_single_rows_are_drawn_from_an_urn(errors: int, size: int) -> None:
    """Also when they fill several circles, with some left over."""
    members = size // 4
    likely = errors * members / size
    seen = round(likely) + 3
    group = np.arange(size) < members
    is_error = (np.arange(size) < seen) | (np.arange(size) >= size - (errors - seen))
    drawn = np.arange(errors + 1)
    as_far = np.abs(drawn - likely) >= abs(seen - likely) - 1e-9
    witness = scipy.stats.hypergeom(size, members, errors).pmf(drawn)[as_far].sum()
    result = exchange_test(
        np.arange(size), group.astype(int), np.zeros(size, int), is_error, permutations=DRAWS
    )
    assert result == pytest.approx(witness, abs=CLOSE)


def test_fisher_is_the_witness_of_two_equal_groups() -> None:
    cells = of_subjects([[1] * 9 + [0] * 11, [1] * 3 + [0] * 17], 1)
    assert chance(cells) == pytest.approx(scipy.stats.fisher_exact([[9, 11], [3, 17]]).pvalue, abs=CLOSE)


@pytest.mark.parametrize("errors", [0, 5])
def test_without_any_difference_the_chance_is_1(errors: int) -> None:
    assert chance(of_subjects([[errors, errors], [errors] * 3], 5)) == 1.0
    assert chance([(i, j, 2 + i, 6) for i in range(3) for j in range(2)]) == 1.0  # of each its own


def test_the_smallest_chance_is_that_of_the_real_one_alone() -> None:
    cells = of_subjects([[0] * 30, [9] * 30], 10)
    assert chance(cells, draws=99) == 1 / 100


def test_one_seed_one_chance() -> None:
    cells = of_subjects([[0, 1, 2, 5, 2], [1, 4, 5, 7, 8]], 10)
    assert chance(cells, draws=500) == chance(cells, draws=500)
    assert chance(cells, draws=500) != chance(cells, draws=500, seed=1)


def test_numbers_of_subjects_and_groups_mean_nothing_but_who_is_who() -> None:
    cells = of_subjects([[0, 1, 2, 5, 2], [1, 4, 5, 7, 8]], 10)
    renamed = [(70 + 3 * subject, 5 + 2 * group, errors, rows) for subject, group, errors, rows in cells]
    assert chance(cells) == chance(renamed)


def shares_below(draw, alpha: float, *, times: int = 300) -> float:
    """How often a chance is at most alpha."""
    rng = np.random.default_rng(7)
    return float(np.mean([chance(draw(rng), draws=199, seed=i) <= alpha for i in range(times)]))


def test_few_rows_a_subject_in_one_group_are_no_difference() -> None:
    """Were every subject counted alike, 28 in 100 such tables would look different at 5 %."""

    def draw(rng: np.random.Generator) -> Cells:
        rows = np.where(np.arange(200) < 40, 1, 50)
        errors = rng.binomial(rows, rng.beta(1, 19, 200))
        return [(i, int(i < 40), int(e), int(n)) for i, (e, n) in enumerate(zip(errors, rows, strict=True))]

    assert 0.02 < shares_below(draw, 0.05) < 0.09


def test_many_rows_of_few_subjects_are_few() -> None:
    """Rows of a subject are mostly alike. Pearson's test of the rows takes half of such tables for different."""

    def draw(rng: np.random.Generator) -> Cells:
        errors = rng.binomial(50, rng.beta(0.3, 3, 24))
        return [(i, i % 2, int(e), 50) for i, e in enumerate(errors)]

    assert 0.02 < shares_below(draw, 0.05) < 0.09
    rng, by_row = np.random.default_rng(7), []
    for _ in range(300):
        cells = draw(rng)
        one, other = (sum(e for _, group, e, _ in cells if group == g) for g in (0, 1))
        by_row.append(scipy.stats.chi2_contingency([[one, 600 - one], [other, 600 - other]]).pvalue <= 0.05)
    assert np.mean(by_row) > 0.4


def test_rows_of_one_session_are_alike_too() -> None:
    """Every subject by day and by night, 90 rows and 10, each hour with a rate of its own."""

    def draw(rng: np.random.Generator) -> Cells:
        rate = np.clip(np.repeat(rng.beta(1, 5, 30), 2) + rng.normal(0, 0.1, 60), 0, 1)
        rows = np.tile([90, 10], 30)
        errors = rng.binomial(rows, rate)
        return [(i // 2, i % 2, int(e), int(n)) for i, (e, n) in enumerate(zip(errors, rows, strict=True))]

    assert 0.02 < shares_below(draw, 0.05) < 0.09


def test_more_of_a_hard_species_is_no_worse_group() -> None:
    """Of masks 8 in 10 pass, of prints 1 in 10, in both groups; one group has met masks mostly."""
    rows = [(0, 0, 10), (0, 1, 40), (1, 0, 40), (1, 1, 10)]
    group, species = (np.repeat([row[i] for row in rows], [row[2] for row in rows]) for i in (0, 1))
    is_error = np.concatenate([np.arange(n) < n * (0.8 if one else 0.1) for _, one, n in rows])
    assert exchange_test(np.arange(100), group, species, is_error) == 1.0
    assert exchange_test(np.arange(100), group, np.zeros(100, int), is_error) < 0.01


P_VALUES = st.lists(st.sampled_from([0.0, 0.001, 0.01, 0.0125, 0.02, 0.04, 0.3, 0.5, 1.0]), max_size=6)


@given(p_values=P_VALUES)
def test_holm_is_bonferroni_of_every_part(p_values: list[float]) -> None:
    """The closed test: a difference stands when it does in every set of differences that holds it."""
    everyone = range(len(p_values))
    parts = [part for size in everyone for part in combinations(everyone, size + 1)]
    slow = [
        max(min(1.0, len(part) * min(p_values[i] for i in part)) for part in parts if one in part)
        for one in everyone
    ]
    assert holm(p_values) == pytest.approx(slow)


def test_holm_by_hand() -> None:
    """0.005 by 4, 0.01 by 3, 0.03 by 2; and 0.04 by 1 is no surer than the one before."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
