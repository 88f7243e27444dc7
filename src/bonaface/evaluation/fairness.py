"""Is a detector as good for one group of people as for another? Rates by group, their gaps, and which gaps are noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np
import numpy.typing as npt

from bonaface.errors import ScoreError
from bonaface.evaluation.bootstrap import needed_rows
from bonaface.evaluation.columns import Flags, coded
from bonaface.evaluation.group_columns import GroupColumn, group_columns
from bonaface.evaluation.measured import CONFIDENCE, MeasuredRate, Number, measured
from bonaface.evaluation.permutation import PERMUTATIONS, Whole, exchange_test, holm
from bonaface.evaluation.rates import Rate, accepted_rows, worst_species
from bonaface.evaluation.scores import ScoreTable

ComparedRate = Literal["bpcer", "bpnrr", "apcer_pooled"]
RATES: dict[ComparedRate, str] = {"bpcer": "BPCER", "bpnrr": "BPNRR", "apcer_pooled": "APCER pooled"}
"""The rates whose gaps are given, and their names for people."""

MIN_GROUP = 30
_WRONG, _SILENT = 1, 2  # 0 is right


@dataclass(frozen=True, slots=True)
class Group:
    """The rates of one group. The `total` of each is how many rows it is of.

    Attributes:
        values: Its value in the column, or in each of two crossed columns.
        bpcer: Bona fide rows that are rejected, of those with a score.
        bpnrr: Bona fide rows without a score, of all: a finder may fail one group more than another.
        apcer_pooled: Attacks that are accepted, of those with a score.
        worst_species: The species with the highest APCER here; None without a scored attack.
        apcer_worst: Its APCER.
        is_small: Fewer than `min_group` bona fide rows with a score: BPCER is a rough number, and in no gap.
    """

    values: tuple[str, ...]
    bpcer: MeasuredRate
    bpnrr: MeasuredRate
    apcer_pooled: MeasuredRate
    worst_species: str | None
    apcer_worst: MeasuredRate
    is_small: bool

    def rate(self, name: ComparedRate) -> MeasuredRate:
        """One of the rates whose gaps are given."""
        rate: MeasuredRate = getattr(self, name)
        return rate


@dataclass(frozen=True, slots=True)
class NoiseTest:
    """Whether a rate differs between groups by more than chance.

    Attributes:
        num_subjects: How many exchanged their groups. A row without a subject counts as one.
        p_value: Chance of rates at least so uneven if the groups meant nothing: `exchange_test`.
        p_value_holm: The same, corrected for all tests of the table.
        is_within_noise: The corrected chance is above 1 - confidence. It does not mean that the groups are equal.
    """

    num_subjects: int
    p_value: float
    p_value_holm: float
    is_within_noise: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """The largest difference of a rate between two groups that have at least `min_group` of its rows.

    Attributes:
        groups: All that were compared.
        lowest: The group with the lowest rate, the first of equals.
        highest: The group with the highest, likewise.
        difference: Highest less lowest, in [0, 1].
        ratio: Lowest by highest, in [0, 1]: 0 where one has no error, NaN where neither has any.
        test: Of all groups compared, within each species. None where there is none: for crossed columns, and where no species is in two
            of the groups, so that groups and species can not be told apart.
    """

    groups: tuple[tuple[str, ...], ...]
    lowest: tuple[str, ...]
    highest: tuple[str, ...]
    difference: float
    ratio: Number
    test: NoiseTest | None


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups of one column, or of two crossed.

    Attributes:
        columns: Its name, or both names.
        groups: Those that have a row: in the order of numbers and of scales of skin tone, else of the alphabet.
        num_unknown: Rows without a value; they are in no group.
        gaps: By rate; one is missing where fewer than two groups have enough rows.
        equalized_odds_difference: The larger of the gaps of BPCER and of APCER pooled; NaN when one is missing.
        equalized_odds_ratio: The smaller ratio, lowest by highest, of BPCER and of 1 - APCER pooled. One that is 0 by 0 is
            passed over; NaN when both are, or a gap is missing.
    """

    columns: tuple[str, ...]
    groups: tuple[Group, ...]
    num_unknown: int
    gaps: dict[ComparedRate, Gap]
    equalized_odds_difference: Number
    equalized_odds_ratio: Number


@dataclass(frozen=True, slots=True)
class Fairness:
    """Rates by group at one threshold.

    Attributes:
        threshold: At or above it a row is called an attack.
        min_group: The fewest rows with which a group is compared.
        confidence: Of every interval; 1 - confidence is the chance of calling any noise a difference.
        columns: One grouping a column.
        crossings: One for each two columns.
        notes: What was passed over, and what a reader must know of these numbers.
    """

    threshold: float
    min_group: int
    confidence: float
    columns: tuple[Grouping, ...]
    crossings: tuple[Grouping, ...]
    notes: list[str]


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Each row as whole numbers: its species (0 is bona fide), how it went and its subject; and species by name."""

    names: tuple[str, ...]
    species: Whole
    outcome: npt.NDArray[np.int8]
    subject: Whole
    num_nameless: int

    def of(self, rate: ComparedRate) -> tuple[Flags, Flags]:
        """The rows that a rate is of, and its errors."""
        if rate == "bpnrr":
            return self.species == 0, self.outcome == _SILENT
        is_class = self.species > 0 if rate == "apcer_pooled" else self.species == 0
        return is_class & (self.outcome != _SILENT), self.outcome == _WRONG


def fairness(
    table: ScoreTable,
    threshold: float,
    *,
    columns: Sequence[str] | None = None,
    crossings: bool = True,
    min_group: int = MIN_GROUP,
    confidence: float = CONFIDENCE,
    permutations: int = PERMUTATIONS,
    seed: int = 0,
) -> Fairness:
    """Rates of every group, the gaps between groups, and whether each gap is more than noise.

    Args:
        table: Rows of one split. An empty value of a group column is unknown.
        threshold: Chosen on other rows; at or above it a row is called an attack.
        columns: Names of group columns; all by default, except a recogniser's answers.
        crossings: Whether every two columns are crossed as well.
        min_group: The fewest rows of a rate with which a group enters its gap, at least 1.
        confidence: In (0, 1), of every interval, and of all tests together.
        permutations: How often groups are exchanged for a test, at least 1.
        seed: The same seed gives the same chances.

    Returns:
        What the rows allow; without a group column a note alone. A column with one value, or more than 20, is passed
        over with a note.

    Raises:
        ScoreError: If there is no such column, the rows are of several splits or none, or a number is out of its range.
        MissingExtraError: If scipy is not installed.

    Reference:
        ISO/IEC 19795-10 for differences between groups; Hardt et al. 2016 for equalised odds.
    """
    _check_numbers(min_group, confidence, permutations)
    rows = _rows(needed_rows(table, threshold), threshold)
    known, notes = group_columns(table, columns)
    crossed = [first.crossed(second) for first, second in combinations(known, 2)] if crossings else []
    singles, pairs = (
        [_grouping(column, rows, min_group, confidence) for column in part] for part in (known, crossed)
    )
    singles = _tested(singles, known, rows, confidence, permutations, seed)
    if not known and not notes:
        notes.append("no group column: nothing to compare")
    notes += [note for one in singles for note in _notes(one, min_group)]
    notes += _notes_of_tests(rows, singles, pairs, confidence, permutations)
    return Fairness(threshold, min_group, confidence, tuple(singles), tuple(pairs), notes)


def _check_numbers(min_group: int, confidence: float, permutations: int) -> None:
    if min_group < 1:
        raise ScoreError(f"min_group must be at least 1; got {min_group}; {MIN_GROUP} is usual")
    if not 0 < confidence < 1:
        raise ScoreError(f"confidence must be between 0 and 1; got {confidence}; {CONFIDENCE} is usual")
    if permutations < 1:
        raise ScoreError(f"permutations must be at least 1; got {permutations}; {PERMUTATIONS} is usual")


def _rows(table: ScoreTable, threshold: float) -> _Rows:
    names, species = table.coded_species
    is_wrong = accepted_rows(table, threshold) == table.is_attack
    people, subject = coded(table.subject)
    nameless = np.flatnonzero(table.subject == "")
    subject[nameless] = len(people) + np.arange(len(nameless), dtype=np.int32)
    return _Rows(
        names=names,
        species=species,
        outcome=np.where(table.has_score, is_wrong, _SILENT).astype(np.int8),
        subject=subject,
        num_nameless=len(nameless),
    )


def _grouping(column: GroupColumn, rows: _Rows, min_group: int, confidence: float) -> Grouping:
    shape = (len(column.groups) + 1, len(rows.names) + 1, 3)
    cell = np.ravel_multi_index((column.of_row + 1, rows.species, rows.outcome), shape)
    unknown, *known = np.bincount(cell, minlength=math.prod(shape)).reshape(shape)
    groups = tuple(
        _group(values, counts, rows.names, min_group, confidence)
        for values, counts in zip(column.groups, known, strict=True)
    )
    gaps = {rate: _gap(groups, rate, min_group) for rate in RATES}
    known_gaps = {rate: gap for rate, gap in gaps.items() if gap is not None}
    return Grouping(
        column.names, groups, int(unknown.sum()), known_gaps, *_equalized_odds(groups, known_gaps)
    )


def _group(
    values: tuple[str, ...], counts: Whole, names: tuple[str, ...], min_group: int, confidence: float
) -> Group:
    """The rates of one group, of its counts (1 + species, outcomes)."""
    wrong, scored = counts[:, _WRONG].tolist(), counts[:, :_SILENT].sum(axis=1).tolist()
    apcer = {name: Rate(wrong[i], scored[i]) for i, name in enumerate(names, 1)}
    worst = worst_species(apcer)
    return Group(
        values=values,
        bpcer=measured(Rate(wrong[0], scored[0]), confidence),
        bpnrr=measured(Rate(int(counts[0, _SILENT]), int(counts[0].sum())), confidence),
        apcer_pooled=measured(Rate(sum(wrong[1:]), sum(scored[1:])), confidence),
        worst_species=worst,
        apcer_worst=measured(Rate(0, 0) if worst is None else apcer[worst], confidence),
        is_small=scored[0] < min_group,
    )


def _gap(groups: Sequence[Group], rate: ComparedRate, min_group: int) -> Gap | None:
    compared = [group for group in groups if group.rate(rate).total >= min_group]
    if len(compared) < 2:
        return None
    lowest, highest = (end(compared, key=lambda group: group.rate(rate).value) for end in (min, max))
    low, high = lowest.rate(rate).value, highest.rate(rate).value
    return Gap(
        groups=tuple(group.values for group in compared),
        lowest=lowest.values,
        highest=highest.values,
        difference=high - low,
        ratio=low / high if high else math.nan,
        test=None,
    )


def _equalized_odds(groups: Sequence[Group], gaps: Mapping[ComparedRate, Gap]) -> tuple[float, float]:
    """Difference and ratio in the words of fairlearn, where the positive answer is 'attack'."""
    if not {"bpcer", "apcer_pooled"} <= set(gaps):
        return math.nan, math.nan
    apcer = {group.values: group.apcer_pooled.value for group in groups}
    caught, most = (1 - apcer[end] for end in (gaps["apcer_pooled"].highest, gaps["apcer_pooled"].lowest))
    ratios = [gaps["bpcer"].ratio, caught / most if most else math.nan]
    return (
        max(gaps["bpcer"].difference, gaps["apcer_pooled"].difference),
        min((ratio for ratio in ratios if not math.isnan(ratio)), default=math.nan),
    )


def _tested(
    groupings: Sequence[Grouping],
    columns: Sequence[GroupColumn],
    rows: _Rows,
    confidence: float,
    permutations: int,
    seed: int,
) -> list[Grouping]:
    """The same with a test in each gap, all of them corrected together."""
    looks = [
        (i, rate, gap)
        for i, one in enumerate(groupings)
        for rate, gap in one.gaps.items()
        if _is_testable(columns[i], gap, rows, rate)
    ]
    found = [_chance(columns[i], gap, rows, rate, permutations, seed) for i, rate, gap in looks]
    gaps = [dict(one.gaps) for one in groupings]
    for (i, rate, gap), (subjects, chance), corrected in zip(
        looks, found, holm([chance for _, chance in found]), strict=True
    ):
        test = NoiseTest(subjects, chance, corrected, is_within_noise=corrected > 1 - confidence)
        gaps[i][rate] = replace(gap, test=test)
    return [replace(one, gaps=its) for one, its in zip(groupings, gaps, strict=True)]


def _chance(
    column: GroupColumn, gap: Gap, rows: _Rows, rate: ComparedRate, permutations: int, seed: int
) -> tuple[int, float]:
    """How many subjects have such rows in the groups compared, and the chance of rates as uneven."""
    chosen = _compared_rows(column, gap, rows, rate)
    subject = rows.subject[chosen]
    chance = exchange_test(
        subject,
        column.of_row[chosen],
        rows.species[chosen],
        rows.of(rate)[1][chosen],
        permutations=permutations,
        seed=seed,
    )
    return int(np.count_nonzero(np.bincount(subject))), chance


def _compared_rows(column: GroupColumn, gap: Gap, rows: _Rows, rate: ComparedRate) -> npt.NDArray[np.intp]:
    """Places of the rows of a rate in the groups compared."""
    # the last is that of -1, where the group is unknown
    is_compared = np.array([*(group in gap.groups for group in column.groups), False])
    return np.flatnonzero(rows.of(rate)[0] & is_compared[column.of_row])


def _is_testable(column: GroupColumn, gap: Gap, rows: _Rows, rate: ComparedRate) -> bool:
    """Whether some species, or bona fide, is in two of the groups: within it they can be exchanged."""
    chosen = _compared_rows(column, gap, rows, rate)
    is_in = np.zeros((len(rows.names) + 1, len(column.groups)), np.bool_)
    is_in[rows.species[chosen], column.of_row[chosen]] = True
    return bool((is_in.sum(axis=1) > 1).any())


def _notes(grouping: Grouping, min_group: int) -> list[str]:
    (name,), notes = grouping.columns, []
    silent = [group.values[0] for group in grouping.groups if not group.bpcer.total]
    small = [group.values[0] for group in grouping.groups if group.is_small and group.bpcer.total]
    if silent:
        notes.append(
            f"{name}: no bona fide row with a score in {', '.join(silent)}: BPCER is not known there"
        )
    unattacked = [group.values[0] for group in grouping.groups if not group.apcer_pooled.total]
    if small:
        notes.append(
            f"{name}: fewer than {min_group} bona fide rows with a score in {', '.join(small)}: "
            "BPCER is a rough number there, and in no gap"
        )
    if unattacked:
        notes.append(f"{name}: no attack with a score in {', '.join(unattacked)}: APCER is not known there")
    if "apcer_pooled" in grouping.gaps and grouping.gaps["apcer_pooled"].test is None:
        notes.append(
            f"{name}: no species is in two of the groups compared: what differs may be the species alone, APCER pooled is not tested"
        )
    return notes + [
        f"{name}: fewer than two groups have {min_group} rows for {word}: it has no gap"
        for rate, word in RATES.items()
        if rate not in grouping.gaps
    ]


def _notes_of_tests(
    rows: _Rows, singles: Sequence[Grouping], pairs: Sequence[Grouping], confidence: float, permutations: int
) -> list[str]:
    notes, num_tests = [], sum(gap.test is not None for one in singles for gap in one.gaps.values())
    if any(pair.gaps for pair in pairs):
        notes.append("gaps between crossed groups are not tested: read them beside the intervals")
    if num_tests:
        notes.append(
            f"{num_tests} tests were corrected together (Holm): were there no difference at all, at most "
            f"{100 * (1 - confidence):.3g} % of such tables would show one; within noise does not mean equal"
        )
    if num_tests > (1 - confidence) * (1 + permutations):
        notes.append(
            f"{permutations} permutations are too few for {num_tests} tests: all gaps look like noise"
        )
    if num_tests and rows.num_nameless:
        notes.append(
            f"{rows.num_nameless} rows have no subject and count as one each: "
            "chances are too small where they share one"
        )
    return notes
