from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from bonaface.errors import ScoreError
from bonaface.evaluation.bootstrap import bootstrap
from bonaface.evaluation.comparison import McNemar, bootstrap_difference, mcnemar
from bonaface.evaluation.replicates import STATISTICS, Measurement
from bonaface.evaluation.resampling import clusters
from bonaface.evaluation.scores import ScoreTable

from .tables import Row, joined, table_of

FIRST: tuple[Row, ...] = (
    ("bonafide", 0.1),
    ("bonafide", 0.6),  # the first alone is wrong
    ("bonafide", 0.2),
    ("print", 0.9),  # the second alone is wrong
    ("print", 0.1),  # both
    ("print", 0.3),  # the first alone
    ("print", None),
    ("print", 0.8),
)
SECOND: tuple[Row, ...] = (
    ("bonafide", 0.2),
    ("bonafide", 0.1),
    ("bonafide", 0.3),
    ("print", 0.2),
    ("print", 0.3),
    ("print", 0.9),
    ("print", 0.1),
    ("print", None),
)


def test_mcnemar_by_hand() -> None:
    """Two against one: as uneven a split of three comes by chance always."""
    result = mcnemar(table_of(*FIRST), table_of(*SECOND), (0.5, 0.5))
    assert result == McNemar(first_only=2, second_only=1, total=6, p_value=1.0)


def test_five_against_none() -> None:
    first = table_of(*[("bonafide", 0.9)] * 5, *[("print", 0.9)] * 5)
    second = table_of(*[("bonafide", 0.1)] * 5, *[("print", 0.9)] * 5)
    assert mcnemar(first, second, (0.5, 0.5)) == McNemar(5, 0, 10, pytest.approx(2 / 32))
    # Each at its own threshold: at 0.95 the first is right about every bona fide row and wrong about every attack.
    assert mcnemar(first, second, (0.95, 0.5)) == McNemar(5, 0, 10, pytest.approx(2 / 32))


PAIRS = st.lists(
    st.tuples(st.sampled_from(["bonafide", "print"]), *[st.sampled_from([None, 0.1, 0.5, 0.9])] * 2),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(pairs=PAIRS)
def test_mcnemar_is_its_definition(pairs: list[tuple[str, float | None, float | None]]) -> None:
    alone = [0, 0]
    for species, one, other in pairs:
        if one is not None and other is not None:
            wrong = [(score >= 0.5) != (species == "print") for score in (one, other)]
            alone[0] += wrong[0] and not wrong[1]
            alone[1] += wrong[1] and not wrong[0]
    first = table_of(*[(species, one) for species, one, _ in pairs])
    second = table_of(*[(species, other) for species, _, other in pairs])
    result = mcnemar(first, second, (0.5, 0.5))
    assert [result.first_only, result.second_only] == alone
    assert result.p_value == pytest.approx(binomtest(alone[0], sum(alone)).pvalue if sum(alone) else 1.0)
    assert result.total == sum(1 for _, one, other in pairs if one is not None and other is not None)


def two_systems(seed: int, *, noise: float, split: str = "test") -> tuple[ScoreTable, ScoreTable]:
    """The second is the first with noise, in another order."""
    rng = np.random.default_rng(seed)
    is_attack = rng.random(300) < 0.5
    evidence = np.where(is_attack, 1.0, -1.0) + rng.normal(0, 1, 300)
    subjects = [f"{split} {i // 6}" for i in range(300)]
    tables = []
    for values in (evidence, evidence + rng.normal(0, noise, 300)):
        scores = 1 / (1 + np.exp(-values))
        rows = [
            ("print" if flag else "bonafide", float(s)) for flag, s in zip(is_attack, scores, strict=True)
        ]
        tables.append(table_of(*rows, split=split, subjects=subjects))
    return tables[0], tables[1].take(rng.permutation(300))


def test_a_difference_is_that_of_both_under_the_same_draws() -> None:
    """Literally: measure both on every draw of the same generator, subtract, take quantiles."""
    first, second = two_systems(1, noise=0.5)
    result = bootstrap_difference(first, second, (0.5, 0.4), replicates=100, seed=9)
    places = second.sample.tolist()
    at_home = second.take(np.array([places.index(name) for name in first.sample.tolist()]))
    groups = clusters(first)
    drawn = np.concatenate(list(groups.draws(100, np.random.default_rng(9))))
    one = Measurement(first, groups, 0.5, STATISTICS)(drawn)
    other = Measurement(at_home, groups, 0.4, STATISTICS)(drawn)
    values = bootstrap(first, 0.5, replicates=2), bootstrap(second, 0.4, replicates=2)
    for i, (name, interval) in enumerate(result.items()):
        assert (interval.low, interval.high) == pytest.approx(
            tuple(np.quantile(one[:, i] - other[:, i], [0.025, 0.975]))
        )
        assert interval.value == pytest.approx(values[0][name].value - values[1][name].value)


def test_pairing_makes_a_difference_plain_that_two_intervals_hide() -> None:
    first, second = two_systems(2, noise=0.4)
    apart = [bootstrap(table, 0.5, replicates=300, statistics=("auc",))["auc"] for table in (first, second)]
    assert apart[0].low < apart[1].high
    paired = bootstrap_difference(first, second, (0.5, 0.5), replicates=300, statistics=("auc",))["auc"]
    assert 0 < paired.low < paired.value < paired.high
    assert paired.high - paired.low < apart[0].high - apart[0].low + apart[1].high - apart[1].low


def test_a_system_is_no_better_than_itself() -> None:
    first, _ = two_systems(3, noise=1.0)
    for interval in bootstrap_difference(first, first, (0.5, 0.5), replicates=20, method="bca").values():
        assert interval.value == 0
        assert math.isnan(interval.low)


def test_rules_choose_anew_for_both() -> None:
    dev, test = two_systems(4, noise=1.0, split="dev"), two_systems(5, noise=1.0)
    first, second = (joined(*tables) for tables in zip(dev, test, strict=True))
    result = bootstrap_difference(
        first, second, ("eer", "min_acer"), replicates=50, statistics=("acer_pooled",)
    )
    alone = [bootstrap(table, rule, replicates=2) for table, rule in ((first, "eer"), (second, "min_acer"))]
    assert result["acer_pooled"].value == pytest.approx(
        alone[0]["acer_pooled"].value - alone[1]["acer_pooled"].value
    )


@pytest.mark.parametrize("compare", [bootstrap_difference, mcnemar])
def test_other_samples_are_refused(compare) -> None:
    first = table_of(*FIRST)
    with pytest.raises(ScoreError) as error:
        compare(first, first.take(np.arange(7)), (0.5, 0.5))
    assert str(error.value) == (
        "two systems must have the same samples; 'test-7' is in one table only; keep the samples of both"
    )
    with pytest.raises(ScoreError, match="'dev-0' is in one table only"):
        compare(first, table_of(*FIRST, split="dev"), (0.5, 0.5))
    other = table_of(*[("replay" if species == "print" else species, score) for species, score in FIRST])
    with pytest.raises(ScoreError) as error:
        compare(first, other, (0.5, 0.5))
    assert str(error.value) == (
        "two systems must agree on each sample's species; 'test-3' has 'print' and 'replay'; correct one"
    )


def test_bad_thresholds_are_refused() -> None:
    first = table_of(*FIRST)
    with pytest.raises(ScoreError) as error:
        mcnemar(first, first, (0.5, math.inf))
    assert str(error.value) == "a threshold must be a finite number; got inf; choose one on dev"
    with pytest.raises(ScoreError) as error:
        bootstrap_difference(first, first, (0.5, "eer"))
    assert str(error.value) == (
        "two systems must both have a threshold or both a rule; got 0.5 and eer; choose one way"
    )
