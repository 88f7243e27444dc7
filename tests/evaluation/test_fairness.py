from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pydantic
import pytest
from fairlearn.metrics import (
    MetricFrame,
    equalized_odds_difference,
    equalized_odds_ratio,
    false_positive_rate,
    true_positive_rate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, chi2_contingency

from bonaface.errors import ScoreError
from bonaface.evaluation import rates
from bonaface.evaluation.fairness import RATES, Fairness, Gap, Grouping, fairness
from bonaface.evaluation.rates import Rate
from bonaface.evaluation.scores import ScoreTable

from .tables import ROWS, SCORES, SPECIES, THRESHOLDS, Row, table_of

QUICK = 99
"""Permutations where the chance does not matter."""


def rows_of(group: str, *counts: tuple[str, float | None, int]) -> list[tuple[Row, str]]:
    return [((species, score), group) for species, score, times in counts for _ in range(times)]


def grouped(rows: list[tuple[Row, str]], column: str = "gender", **more: list[str]) -> ScoreTable:
    return table_of(*[row for row, _ in rows], groups={column: [group for _, group in rows], **more})


def sides(rows: list[tuple[Row, str]]) -> list[str]:
    """A column that means nothing."""
    return ["right" if i % 2 else "left" for i in range(len(rows))]


BY_HAND = [
    *rows_of("woman", ("bonafide", 0.1, 36), ("bonafide", 0.9, 4), ("bonafide", None, 10)),
    *rows_of("woman", ("print", 0.9, 27), ("print", 0.1, 3), ("replay", 0.9, 3), ("replay", 0.1, 1)),
    *rows_of("man", ("bonafide", 0.1, 99), ("bonafide", 0.5, 1)),  # at the threshold: rejected
    *rows_of("man", ("print", 0.9, 30), ("print", 0.1, 10), ("replay", None, 5)),
    *rows_of("other", ("bonafide", 0.1, 12), ("bonafide", 0.9, 1)),
    *rows_of("", ("bonafide", 0.9, 3), ("print", 0.1, 2)),
]


def test_a_table_worked_by_hand() -> None:
    result = fairness(grouped(BY_HAND), 0.5, permutations=QUICK)
    (gender,) = result.columns
    assert (gender.columns, gender.num_unknown) == (("gender",), 5)
    man, other, woman = gender.groups
    assert [group.values for group in gender.groups] == [("man",), ("other",), ("woman",)]
    counts = [
        [(rate.errors, rate.total) for rate in (group.bpcer, group.bpnrr, group.apcer_pooled)]
        for group in (man, other, woman)
    ]
    assert counts == [
        [(1, 100), (0, 100), (10, 40)],
        [(1, 13), (0, 13), (0, 0)],
        [(4, 40), (10, 50), (4, 34)],
    ]
    assert [group.worst_species for group in gender.groups] == ["print", None, "replay"]
    assert (woman.apcer_worst.errors, woman.apcer_worst.total) == (1, 4)
    assert math.isnan(other.apcer_worst.value)
    assert [group.is_small for group in gender.groups] == [False, True, False]
    assert list(gender.gaps) == list(RATES)
    bpcer, bpnrr, apcer = gender.gaps.values()
    assert (bpcer.groups, bpcer.lowest, bpcer.highest) == ((("man",), ("woman",)), ("man",), ("woman",))
    assert (bpcer.difference, bpcer.ratio) == (pytest.approx(0.09), pytest.approx(0.1))
    assert (bpnrr.difference, bpnrr.ratio) == (pytest.approx(0.2), 0)
    assert (apcer.lowest, apcer.highest) == (("woman",), ("man",))
    assert apcer.difference == pytest.approx(10 / 40 - 4 / 34)
    assert gender.equalized_odds_difference == pytest.approx(10 / 40 - 4 / 34)
    assert gender.equalized_odds_ratio == pytest.approx(0.1)
    assert [gap.test.num_subjects for gap in gender.gaps.values()] == [140, 150, 74]
    assert result.notes == [
        "gender: fewer than 30 bona fide rows with a score in other: "
        "BPCER is a rough number there, and in no gap",
        "gender: no attack with a score in other: APCER is not known there",
        "3 tests were corrected together (Holm): were there no difference at all, at most 5 % of such tables "
        "would show one; within noise does not mean equal",
    ]


def test_intervals_are_exact_and_of_the_confidence_asked_for() -> None:
    result = fairness(grouped(BY_HAND), 0.5, confidence=0.9, permutations=QUICK)
    witness = binomtest(4, 40).proportion_ci(0.9, method="exact")
    woman = result.columns[0].groups[2].bpcer
    assert (woman.low, woman.high) == pytest.approx((witness.low, witness.high))
    assert result.confidence == 0.9
    assert "at most 10 % of such tables" in result.notes[-1]


LABELS = st.sampled_from(["", "a", "b", "c"])


@settings(max_examples=120)
@given(
    rows=st.lists(
        st.tuples(st.tuples(st.sampled_from(SPECIES), SCORES), LABELS, LABELS), min_size=1, max_size=24
    ),
    threshold=THRESHOLDS,
    min_group=st.integers(1, 3),
)
def test_groups_are_the_rates_of_their_rows_and_gaps_the_largest_of_all_pairs(
    rows: list[tuple[Row, str, str]], threshold: float, min_group: int
) -> None:
    labels = {"first": [one for _, one, _ in rows], "second": [other for _, _, other in rows]}
    table = table_of(*[row for row, _, _ in rows], groups=labels)
    result = fairness(table, threshold, min_group=min_group, permutations=9)
    for grouping in (*result.columns, *result.crossings):
        values = list(zip(*(labels[name] for name in grouping.columns), strict=True))
        assert {group.values for group in grouping.groups} == {value for value in values if all(value)}
        assert grouping.num_unknown == sum(not all(value) for value in values)
        shares: dict[str, list[float]] = {name: [] for name in RATES}
        for group in grouping.groups:
            part = table.select(np.array([value == group.values for value in values]))
            by_species = rates.apcer(part, threshold)
            worst = rates.worst_species(by_species)
            expected = {
                "bpcer": rates.bpcer(part, threshold),
                "bpnrr": rates.bpnrr(part),
                "apcer_pooled": rates.apcer_pooled(part, threshold),
                "apcer_worst": Rate(0, 0) if worst is None else by_species[worst],
            }
            for name, rate in expected.items():
                found = getattr(group, name)
                assert (found.errors, found.total) == (rate.errors, rate.total)
                if name in shares and rate.total >= min_group:
                    shares[name].append(rate.value)
            assert group.worst_species == worst
            assert group.is_small == (expected["bpcer"].total < min_group)
        for name, its in shares.items():
            assert (name in grouping.gaps) == (len(its) > 1)
            if len(its) > 1:
                gap = grouping.gaps[name]
                assert gap.difference == pytest.approx(max(one - other for one in its for other in its))
                ratios = [one / other for one in its for other in its if other]
                assert gap.ratio == pytest.approx(min(ratios, default=math.nan), nan_ok=True)
                assert len(gap.groups) == len(its)


@pytest.mark.parametrize("seed", range(4))
def test_fairlearn_is_the_witness(seed: int) -> None:
    """Its positive answer is our 'attack': its false positives are bona fide rows that are rejected."""
    rng = np.random.default_rng(seed)
    kinds = [(species, group) for group in "abc" for species in ("bonafide", "print")]
    rows = [
        (species, score, group)
        for species, group in kinds
        for score in rng.choice([0.1, 0.9], size=rng.integers(3, 20)).tolist()
    ]
    species, scores, groups = zip(*rows, strict=True)
    table = table_of(*zip(species, scores, strict=True), groups={"group": list(groups)})
    (ours,) = fairness(table, 0.5, min_group=1, permutations=1).columns
    truth, called = np.array(species) == "print", np.array(scores) >= 0.5
    frame = MetricFrame(
        metrics={"fpr": false_positive_rate, "tpr": true_positive_rate},
        y_true=truth,
        y_pred=called,
        sensitive_features=list(groups),
    )
    for group in ours.groups:
        theirs = frame.by_group.loc[group.values[0]]
        assert (group.bpcer.value, 1 - group.apcer_pooled.value) == pytest.approx((theirs.fpr, theirs.tpr))
    difference, ratio = frame.difference(), frame.ratio()
    assert ours.gaps["bpcer"].difference == pytest.approx(difference.fpr)
    assert ours.gaps["bpcer"].ratio == pytest.approx(ratio.fpr)
    assert ours.gaps["apcer_pooled"].difference == pytest.approx(difference.tpr)
    kwargs = {"y_true": truth, "y_pred": called, "sensitive_features": list(groups)}
    assert ours.equalized_odds_difference == pytest.approx(equalized_odds_difference(**kwargs))
    assert ours.equalized_odds_ratio == pytest.approx(equalized_odds_ratio(**kwargs))


def odds(*counts: tuple[int, int]) -> Grouping:
    """Of bona fide rejected and attacks accepted, in 10 each, of groups a, b, ..."""
    rows = [
        part
        for group, (rejected, accepted) in zip("abc", counts, strict=False)
        for part in rows_of(
            group,
            ("bonafide", 0.9, rejected),
            ("bonafide", 0.1, 10 - rejected),
            ("print", 0.1, accepted),
            ("print", 0.9, 10 - accepted),
        )
    ]
    return fairness(grouped(rows), 0.5, min_group=10, permutations=1).columns[0]


def test_a_ratio_of_nothing_by_nothing() -> None:
    """Without any error ratios of BPCER are not known; equalised odds then rest on the attacks caught."""
    no_rejection = odds((0, 1), (0, 4))
    assert math.isnan(no_rejection.gaps["bpcer"].ratio)
    assert no_rejection.gaps["bpcer"].difference == 0
    assert no_rejection.equalized_odds_ratio == pytest.approx(6 / 9)
    nothing_caught = odds((2, 10), (4, 10))
    assert nothing_caught.gaps["apcer_pooled"].ratio == 1
    assert nothing_caught.equalized_odds_ratio == pytest.approx(2 / 4)
    neither = odds((0, 10), (0, 10))
    assert neither.equalized_odds_difference == 0
    assert math.isnan(neither.equalized_odds_ratio)
    assert odds((0, 1), (3, 1)).gaps["bpcer"].ratio == 0


def test_without_attacks_there_is_still_a_gap_of_rejections() -> None:
    rows = rows_of("a", ("bonafide", 0.1, 30)) + rows_of("b", ("bonafide", 0.9, 1), ("bonafide", 0.1, 29))
    result = fairness(grouped(rows), 0.5, permutations=QUICK)
    (gender,) = result.columns
    assert list(gender.gaps) == ["bpcer", "bpnrr"]
    assert math.isnan(gender.equalized_odds_difference)
    assert math.isnan(gender.equalized_odds_ratio)
    assert result.notes[:2] == [
        "gender: no attack with a score in a, b: APCER is not known there",
        "gender: fewer than two groups have 30 rows for APCER pooled: it has no gap",
    ]
    assert "2 tests were corrected together" in result.notes[2]


def test_a_finder_that_fails_one_skin_tone_is_found_out() -> None:
    """No face is found in half of the darkest: their BPCER is fine, on too few rows, and their gap is in BPNRR."""
    rows = [
        part
        for tone in ("I", "II", "III", "IV", "V")
        for part in rows_of(tone, ("bonafide", 0.1, 39), ("bonafide", 0.9, 1))
    ] + rows_of("VI", ("bonafide", 0.1, 20), ("bonafide", None, 20))
    (tone,) = fairness(grouped(rows, "skin_tone"), 0.5).columns
    assert [group.values[0] for group in tone.groups] == ["I", "II", "III", "IV", "V", "VI"]
    darkest = tone.groups[-1]
    assert darkest.is_small
    assert darkest.values not in tone.gaps["bpcer"].groups
    assert tone.gaps["bpnrr"].highest == ("VI",)
    verdicts = {name: gap.test.is_within_noise for name, gap in tone.gaps.items()}
    assert verdicts == {"bpcer": True, "bpnrr": False}


def one_woman() -> ScoreTable:
    """Of 20 women one is rejected in all of her 30 pictures; of 20 men nobody is in any."""
    rows = [
        part
        for i in range(40)
        for part in rows_of("woman" if i < 20 else "man", ("bonafide", 0.9 if i == 0 else 0.1, 30))
    ]
    subjects = [f"person {i // 30}" for i in range(1200)]
    return replace(grouped(rows), subject=np.array(subjects))


def test_one_person_is_no_group() -> None:
    """Tests that count pictures are sure of a difference; there is one person behind it."""
    (gender,) = fairness(one_woman(), 0.5).columns
    gap = gender.gaps["bpcer"]
    assert gap.difference == pytest.approx(30 / 600)
    assert chi2_contingency([[30, 570], [0, 600]]).pvalue < 1e-6
    assert gap.test.num_subjects == 40
    assert gap.test.p_value == 1.0  # whoever she were, there would be one such person in one of the groups
    assert gap.test.is_within_noise


def test_many_persons_are() -> None:
    rows = [
        part
        for i in range(40)
        for part in rows_of(
            "woman" if i < 20 else "man", ("bonafide", 0.9, 3 if i < 12 else 0), ("bonafide", 0.1, 20)
        )
    ]
    names = [f"person {i}" for i in range(40) for _ in range(23 if i < 12 else 20)]
    (gender,) = fairness(replace(grouped(rows), subject=np.array(names)), 0.5).columns
    test = gender.gaps["bpcer"].test
    assert (test.p_value, test.p_value_holm) == (pytest.approx(1 / 2001), pytest.approx(2 / 2001))
    assert not test.is_within_noise


def test_of_two_columns_all_tests_are_corrected_together_and_crossings_are_not_tested() -> None:
    result = fairness(grouped(BY_HAND, side=sides(BY_HAND)), 0.5)
    gaps: list[Gap] = [gap for column in result.columns for gap in column.gaps.values()]
    chances = sorted(gap.test.p_value for gap in gaps)
    assert len(chances) == 6
    smallest = min(gap.test.p_value_holm for gap in gaps)
    assert smallest == pytest.approx(6 * chances[0])
    (crossing,) = result.crossings
    assert crossing.columns == ("gender", "side")
    assert len(crossing.groups) == 6
    assert crossing.gaps
    assert all(gap.test is None for gap in crossing.gaps.values())
    assert "gaps between crossed groups are not tested: read them beside the intervals" in result.notes
    assert fairness(grouped(BY_HAND, side=sides(BY_HAND)), 0.5, crossings=False).crossings == ()


def test_a_test_does_not_depend_on_the_other_columns() -> None:
    alone = fairness(grouped(BY_HAND), 0.5, permutations=QUICK).columns[0]
    beside = fairness(grouped(BY_HAND, side=sides(BY_HAND)), 0.5, permutations=QUICK).columns[0]
    chances = [[gap.test.p_value for gap in one.gaps.values()] for one in (alone, beside)]
    assert chances[0] == chances[1]


def test_lighting_is_compared_within_each_person() -> None:
    """Persons differ from none to all rejected; each of them has two more of 20 rejected by night."""
    rows: list[tuple[Row, str]] = []
    for i in range(10):
        for light, errors in (("day", 2 * i), ("night", 2 * i + 2)):
            rows += rows_of(light, ("bonafide", 0.9, errors), ("bonafide", 0.1, 20 - errors))
    table = replace(grouped(rows, "lighting"), subject=np.array([f"person {i // 40}" for i in range(400)]))
    test = fairness(table, 0.5).columns[0].gaps["bpcer"].test
    assert test.p_value < 0.01  # 2 of 2^10 turns
    strangers = replace(table, subject=np.array([f"person {i // 20}" for i in range(400)]))
    test = fairness(strangers, 0.5).columns[0].gaps["bpcer"].test
    assert test.p_value > 0.2


def test_rows_without_a_subject_are_said_to_be() -> None:
    rows = rows_of("a", ("bonafide", 0.1, 40)) + rows_of("b", ("bonafide", 0.9, 5), ("bonafide", 0.1, 35))
    nameless = replace(grouped(rows), subject=np.array([""] * 80))
    result = fairness(nameless, 0.5)
    assert result.notes[-1] == (
        "80 rows have no subject and count as one each: chances are too small where they share one"
    )
    named = fairness(grouped(rows), 0.5)  # every row by a name of its own
    chances = [one.columns[0].gaps["bpcer"].test for one in (result, named)]
    assert [test.num_subjects for test in chances] == [80, 80]
    assert chances[0].p_value == pytest.approx(chances[1].p_value, abs=0.02)


def test_too_few_permutations_are_said_to_be() -> None:
    result = fairness(grouped(BY_HAND), 0.5, permutations=58)
    assert result.notes[-1] == "58 permutations are too few for 3 tests: all gaps look like noise"
    assert "too few" not in fairness(grouped(BY_HAND), 0.5, permutations=60).notes[-1]


def test_the_order_of_rows_changes_nothing_and_the_seed_little() -> None:
    table = grouped(BY_HAND, side=sides(BY_HAND))
    shuffled = table.take(np.random.default_rng(0).permutation(len(table)))
    one, other = (asdict(fairness(rows, 0.5, permutations=QUICK)) for rows in (table, shuffled))
    assert json.dumps(one) == json.dumps(other)
    chances = [fairness(table, 0.5, seed=seed).columns[0].gaps["apcer_pooled"].test for seed in (1, 2)]
    assert chances[0] != chances[1]
    assert chances[0].p_value == pytest.approx(chances[1].p_value, abs=0.05)


def test_plain_values_come_back_from_json() -> None:
    rows = [row for row in BY_HAND if row[1] in {"man", "woman"}]
    result = fairness(grouped(rows, side=sides(rows)), 0.5, min_group=20)
    text = json.dumps(asdict(result), allow_nan=False)
    assert pydantic.TypeAdapter(Fairness).validate_python(json.loads(text)) == result


def test_without_group_columns_there_is_a_note_alone() -> None:
    result = fairness(table_of(("bonafide", 0.1)), 0.5)
    assert result == Fairness(0.5, 30, 0.95, (), (), ["no group column: nothing to compare"])
    one_value = fairness(grouped(rows_of("woman", ("bonafide", 0.1, 3))), 0.5)
    assert one_value.columns == ()
    assert one_value.notes == ["column gender has one value: nothing to compare"]


def test_columns_are_those_asked_for() -> None:
    table = grouped(BY_HAND, side=sides(BY_HAND))
    assert [one.columns for one in fairness(table, 0.5, columns=["side"]).columns] == [("side",)]
    with pytest.raises(ScoreError, match="did you mean 'side'"):
        fairness(table, 0.5, columns=["sides"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"min_group": 0}, "min_group must be at least 1; got 0; 30 is usual"),
        ({"confidence": 1.0}, "confidence must be between 0 and 1; got 1.0; 0.95 is usual"),
        ({"permutations": 0}, "permutations must be at least 1; got 0; 2000 is usual"),
        ({"threshold": math.nan}, "a threshold must be a finite number; got nan; choose one on dev"),
    ],
)
def test_bad_numbers_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ScoreError) as error:
        fairness(grouped(BY_HAND), **{"threshold": 0.5, **arguments})
    assert str(error.value) == message


def test_rows_of_several_splits_are_refused() -> None:
    table = replace(grouped(BY_HAND[:2]), split=np.array(["dev", "test"]))
    with pytest.raises(ScoreError) as error:
        fairness(table, 0.5)
    assert str(error.value) == (
        "at one threshold rows must be of one split; got dev, test; select one with of_split"
    )


@given(rows=ROWS.filter(bool), threshold=THRESHOLDS)
@settings(max_examples=25)
def test_rows_of_no_group_are_counted_and_nothing_else(rows: list[Row], threshold: float) -> None:
    labels = ["a", "b", *[""] * len(rows)]
    table = table_of(("bonafide", 0.1), ("bonafide", 0.1), *rows, groups={"group": labels})
    (grouping,) = fairness(table, threshold, min_group=1, permutations=1).columns
    assert grouping.num_unknown == len(rows)
    assert [group.bpnrr.total for group in grouping.groups] == [1, 1]


NESTED = [
    *rows_of("photo", ("print", 0.9, 60)),
    *rows_of("video", ("replay", 0.1, 60)),
    *rows_of("face", ("bonafide", 0.1, 60)),
]


def test_groups_that_are_species_are_not_tested() -> None:
    """Excesses over a species' own rate are all zero there: any chance would be 1, for a gap of 100 %."""
    result = fairness(grouped(NESTED), 0.5, permutations=QUICK)
    (gender,) = result.columns
    gap = gender.gaps["apcer_pooled"]
    assert (gap.difference, gap.test) == (1.0, None)
    assert (
        "gender: no species is in two of the groups compared: what differs may be the species alone, APCER pooled is not tested"
        in result.notes
    )
    assert "gender: no bona fide row with a score in photo, video: BPCER is not known there" in result.notes
    assert not [note for note in result.notes if "tests were corrected" in note]


def test_one_species_in_two_groups_is_enough_to_test() -> None:
    shared = [*NESTED, *rows_of("video", ("print", 0.1, 30))]
    (gender,) = fairness(grouped(shared), 0.5).columns
    assert not gender.gaps["apcer_pooled"].test.is_within_noise
