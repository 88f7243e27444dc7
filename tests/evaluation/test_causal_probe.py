from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bonaface.errors import ScoreError
from bonaface.evaluation.causal_probe import Change, Probe, causal_probe
from bonaface.evaluation.resampling import clusters
from bonaface.evaluation.scores import ScoreTable

from .tables import table_of

BEFORE = table_of(
    ("bonafide", 0.1),
    ("bonafide", 0.2),
    ("bonafide", 0.4),
    ("bonafide", None),
    ("print", 0.6),
    ("print", 0.9),
    ("replay", 0.4),
    subjects=["ann", "ann", "bob", "bob", "ann", "bob", "cy"],
    groups={"device": ["phone", "phone", "laptop", "laptop", "phone", "laptop", "phone"]},
)
AFTER = table_of(
    ("bonafide", 0.3),  # + 0.2
    ("bonafide", 0.7),  # + 0.5, now called an attack
    ("bonafide", 0.3),  # - 0.1
    ("bonafide", 0.9),
    ("print", 0.2),  # - 0.4, now called bonafide
    ("print", None),
    ("replay", 0.8),  # + 0.4, now called an attack
)


def shuffled(table: ScoreTable, seed: int = 4) -> ScoreTable:
    return table.take(np.random.default_rng(seed).permutation(len(table)))


def test_a_probe_by_hand() -> None:
    """Bona fide: changes +0.2, +0.5, -0.1. Attacks: -0.4 and +0.4, the second print without an answer after."""
    probe = causal_probe(BEFORE, shuffled(AFTER), 0.5)
    genuine, attack = probe.bonafide, probe.attack
    assert (probe.threshold, probe.by, probe.groups) == (0.5, None, {})
    assert (genuine.pairs, genuine.unpaired, attack.pairs, attack.unpaired) == (3, 1, 2, 1)
    assert (genuine.attack_score.mean, genuine.attack_score.median) == pytest.approx((0.2, 0.2))
    assert (attack.attack_score.mean, attack.attack_score.median) == pytest.approx((0, 0), abs=1e-15)
    # odds: 1:9 -> 3:7, 1:4 -> 7:3, 2:3 -> 3:7
    rises = [math.log(27 / 7), math.log(28 / 3), math.log(9 / 14)]
    assert genuine.log_odds.mean == pytest.approx(sum(rises) / 3)
    assert genuine.log_odds.median == pytest.approx(rises[0])
    assert (genuine.to_attack.errors, genuine.to_attack.total, genuine.to_bonafide.errors) == (1, 3, 0)
    assert (attack.to_attack.errors, attack.to_attack.total, attack.to_bonafide.errors) == (1, 2, 1)
    assert (genuine.to_attack.low, genuine.to_attack.high) == pytest.approx(
        tuple(binomtest(1, 3).proportion_ci())
    )
    assert (genuine.p_value, attack.p_value) == (1, 1)


def test_a_score_at_the_threshold_is_an_attack() -> None:
    before, after = table_of(("bonafide", 0.5), ("print", 0.4)), table_of(("bonafide", 0.4), ("print", 0.5))
    probe = causal_probe(before, after, 0.5)
    assert (probe.bonafide.to_bonafide.errors, probe.attack.to_attack.errors) == (1, 1)
    assert (probe.bonafide.to_attack.errors, probe.attack.to_bonafide.errors) == (0, 0)


def test_certain_scores_have_finite_log_odds() -> None:
    probe = causal_probe(table_of(("print", 1.0)), table_of(("print", 0.0)), 0.5)
    assert probe.attack.log_odds.mean == -40
    assert probe.attack.attack_score.mean == -1


def test_a_class_without_a_pair_is_unknown() -> None:
    probe = causal_probe(table_of(("print", 0.4)), table_of(("print", None)), 0.5)
    for one, unpaired in ((probe.bonafide, 0), (probe.attack, 1)):
        assert (one.pairs, one.unpaired, one.to_attack.total, one.p_value) == (0, unpaired, 0, 1)
        for value in (one.attack_score, one.log_odds):
            assert all(math.isnan(part) for part in (value.mean, value.median, value.low, value.high))
        assert math.isnan(one.to_bonafide.value)


SCORES = st.sampled_from([None, 0.0, 0.1, 0.25, 0.5, 0.9, 1.0])
PAIRS = st.lists(
    st.tuples(st.sampled_from(["bonafide", "print", "replay"]), SCORES, SCORES), min_size=1, max_size=20
)


@settings(max_examples=80)
@given(pairs=PAIRS, threshold=st.sampled_from([0.05, 0.25, 0.5, 0.95]))
def test_a_probe_is_its_definition(pairs, threshold) -> None:
    before = table_of(*[(species, first) for species, first, _ in pairs])
    after = table_of(*[(species, second) for species, _, second in pairs])
    probe = causal_probe(before, shuffled(after), threshold, replicates=2)
    for is_attack, one in ((False, probe.bonafide), (True, probe.attack)):
        rows = [(a, b) for species, a, b in pairs if (species != "bonafide") is is_attack]
        both = [(a, b) for a, b in rows if a is not None and b is not None]
        ups = sum(1 for a, b in both if a < threshold <= b)
        downs = sum(1 for a, b in both if b < threshold <= a)
        assert (one.pairs, one.unpaired) == (len(both), len(rows) - len(both))
        assert (one.to_attack.errors, one.to_bonafide.errors) == (ups, downs)
        assert one.to_attack.total == one.to_bonafide.total == len(both)
        assert one.p_value == pytest.approx(binomtest(ups, ups + downs).pvalue if ups + downs else 1)
        if both:
            changes = [b - a for a, b in both]
            assert one.attack_score.mean == pytest.approx(statistics.fmean(changes), abs=1e-12)
            assert one.attack_score.median == pytest.approx(statistics.median(changes), abs=1e-12)


def many(seed: int = 1) -> tuple[ScoreTable, ScoreTable]:
    """Sixty rows of twelve people; a change of +0.1 for bona fide rows, and of a person's own size."""
    rng = np.random.default_rng(seed)
    people = rng.normal(0, 0.05, 12)
    species = ["bonafide" if i % 2 else "print" for i in range(60)]
    before = rng.uniform(0.2, 0.6, 60)
    after = before + np.where(np.array(species) == "bonafide", 0.1, 0) + people[np.arange(60) % 12]
    subjects = [f"person {i % 12}" for i in range(60)]
    tables = [
        table_of(*zip(species, map(float, values), strict=True), subjects=subjects)
        for values in (before, after)
    ]
    return tables[0], tables[1]


def test_an_interval_is_that_of_people_drawn_with_replacement() -> None:
    """Literally: repeat the rows of every drawn person, take the mean, then quantiles of all means."""
    before, after = many()
    probe = causal_probe(before, shuffled(after), 0.5, replicates=200, seed=7)
    for one, rows in ((probe.bonafide, before.is_bonafide), (probe.attack, before.is_attack)):
        chosen, changed = before.select(rows), after.attack_score[rows]
        log_odds = [np.log(scores / (1 - scores)) for scores in (chosen.attack_score, changed)]
        groups = clusters(chosen)
        (drawn,) = groups.draws(200, np.random.default_rng(7))
        for change, values in (
            (one.attack_score, changed - chosen.attack_score),
            (one.log_odds, log_odds[1] - log_odds[0]),
        ):
            means = [np.repeat(values, weights[groups.of_row]).mean() for weights in drawn]
            assert (change.low, change.high) == pytest.approx(tuple(np.quantile(means, [0.025, 0.975])))
            assert change.low < change.mean < change.high
    assert probe.bonafide.attack_score.low > 0


def test_rows_of_one_person_say_less_than_their_number() -> None:
    """Five rows each of twelve people move together: taken as sixty people the interval is too short."""
    before, after = many()
    alone = [
        table_of(*zip(one.species.tolist(), one.attack_score.tolist(), strict=True))
        for one in (before, after)
    ]
    together = causal_probe(before, after, 0.5).bonafide.attack_score
    apart = causal_probe(*alone, 0.5).bonafide.attack_score
    assert together.mean == apart.mean
    assert together.high - together.low > 1.3 * (apart.high - apart.low)


def test_the_same_seed_the_same_interval() -> None:
    before, after = many()
    first, again, other = (causal_probe(before, after, 0.5, replicates=50, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.attack.attack_score.low != other.attack.attack_score.low
    assert first.attack.attack_score.mean == other.attack.attack_score.mean


@pytest.mark.parametrize("rows", [[("print", 0.1), ("print", 0.3), ("print", 0.7)], [("print", 0.2)]])
def test_changes_that_do_not_differ_have_no_interval(rows) -> None:
    """Also where sums of equal parts differ in their last digit."""
    after = [(species, score + 0.1) for species, score in rows]
    change = causal_probe(table_of(*rows), table_of(*after), 0.5).attack.attack_score
    assert change == Change(pytest.approx(0.1), pytest.approx(0.1), pytest.approx(math.nan, nan_ok=True),
                            pytest.approx(math.nan, nan_ok=True))  # fmt: skip


def test_each_group_is_a_probe_of_its_rows() -> None:
    probe = causal_probe(BEFORE, AFTER, 0.5, by="device", seed=3)
    assert probe.by == "device"
    assert list(probe.groups) == ["laptop", "phone"]
    whole = causal_probe(BEFORE, AFTER, 0.5, seed=3)
    assert repr((probe.bonafide, probe.attack)) == repr((whole.bonafide, whole.attack))
    for name, group in probe.groups.items():
        rows = BEFORE.groups["device"] == name
        assert repr(group) == repr(causal_probe(BEFORE.select(rows), AFTER.select(rows), 0.5, seed=3))
    assert isinstance(probe.groups["phone"], Probe)
    assert probe.groups["laptop"].bonafide.unpaired == 1


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        (BEFORE, AFTER.take(np.arange(6)),
         "a probe's tables must have the same samples; 'test-6' is in one table only; judge the rest"),
        (BEFORE, table_of(*[("bonafide", 0.1)] * 7),
         "a probe's tables must agree on each sample's species; 'test-4' has 'print' and 'bonafide'; correct one"),
    ],
)  # fmt: skip
def test_other_samples_are_refused(before, after, sentence) -> None:
    with pytest.raises(ScoreError) as error:
        causal_probe(before, after, 0.5)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"threshold": math.nan}, "a threshold must be a finite number; got nan; choose one on dev"),
        ({"replicates": 1}, "replicates must be at least 2; got 1; 1000 is usual"),
        (
            {"by": "devise"},
            "a probe must be by a group column; got 'devise' of device; did you mean 'device'?",
        ),
        ({"by": "tone"}, "a probe must be by a group column; got 'tone' of device; add it"),
    ],
)
def test_bad_arguments_are_refused(words, sentence) -> None:
    with pytest.raises(ScoreError) as error:
        causal_probe(BEFORE, AFTER, **{"threshold": 0.5, **words})
    assert str(error.value) == sentence
    with pytest.raises(ScoreError, match="got 'x' of none; add it"):
        causal_probe(AFTER, AFTER, 0.5, by="x")
