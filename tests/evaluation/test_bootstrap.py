from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bonaface.errors import ScoreError
from bonaface.evaluation import rates, replicates
from bonaface.evaluation.bootstrap import BootstrapInterval, bootstrap
from bonaface.evaluation.curves import auc, eer
from bonaface.evaluation.intervals import clopper_pearson
from bonaface.evaluation.replicates import STATISTICS, Measurement
from bonaface.evaluation.resampling import clusters
from bonaface.evaluation.scores import ScoreTable
from bonaface.evaluation.thresholds import threshold_by_rule
from bonaface.vocabulary import Split

from .tables import ROWS, ROWS_OF_BOTH, THRESHOLDS, Row, both_classes, joined, repeated, table_of

SUBJECTS = st.lists(st.sampled_from(["ann", "ben", "cid", "dot", ""]), min_size=14, max_size=14)
TIMES = st.lists(st.integers(0, 3), min_size=40, max_size=40)


def slow(table: ScoreTable, threshold: float) -> dict[str, float]:
    """Every statistic from the functions that know of no weights."""
    by_species = {f"apcer {name}": rate.value for name, rate in rates.apcer(table, threshold).items()}
    ranked = both_classes(
        list(zip(table.species, np.where(table.has_score, table.attack_score, None), strict=True))
    )
    return by_species | {
        "apcer_worst": rates.apcer_worst(table, threshold).value,
        "apcer_pooled": rates.apcer_pooled(table, threshold).value,
        "bpcer": rates.bpcer(table, threshold).value,
        "acer_worst": rates.acer_worst(table, threshold),
        "acer_pooled": rates.acer_pooled(table, threshold),
        "eer": eer(table).value if ranked else math.nan,
        "auc": auc(table) if ranked else math.nan,
    }


def compare(found: dict[str, float], expected: dict[str, float]) -> None:
    """A species that a replicate has not drawn is of nothing in one, absent in the other."""
    for name, value in found.items():
        assert value == pytest.approx(expected.get(name, math.nan), abs=1e-12, nan_ok=True), name


@settings(max_examples=80, deadline=None)
@given(rows=ROWS_OF_BOTH, subjects=SUBJECTS, times=TIMES, threshold=THRESHOLDS)
def test_a_weighted_measurement_is_that_of_rows_repeated(
    rows: list[Row], subjects: list[str], times: list[int], threshold: float
) -> None:
    assume(both_classes(rows))
    table = table_of(*rows, subjects=subjects[: len(rows)])
    groups = clusters(table)
    weights = np.array([times[: groups.count], [1] * groups.count], dtype=np.int32)
    measurement = Measurement(table, groups, threshold, STATISTICS)
    for row, found in zip(weights, measurement(weights), strict=True):
        compare(
            dict(zip(measurement.names, found, strict=True)),
            slow(repeated(table, row[groups.of_row]), threshold),
        )


@settings(max_examples=80, deadline=None)
@given(
    dev=ROWS,
    test=ROWS,
    subjects=SUBJECTS,
    times=TIMES,
    rule=st.sampled_from(["eer", "min_acer", "apcer=0.3", "bpcer=0.3"]),
)
def test_a_rule_chooses_anew_on_rows_repeated(
    dev: list[Row], test: list[Row], subjects: list[str], times: list[int], rule: str
) -> None:
    both: list[Row] = [("bonafide", 1.0), ("print", 0.5)]  # of one subject that is always drawn
    table = joined(
        *(
            table_of(*both, *rows, split=split, subjects=["zed", "zed", *subjects[: len(rows)]])
            for split, rows in (("dev", dev), ("test", test))
        )
    )
    groups = clusters(table)
    weights = np.array(times[: groups.count], dtype=np.int32)
    weights[groups.of_row[table.subject == "zed"]] = 1
    literal = repeated(table, weights[groups.of_row])
    measurement = Measurement(table, groups, rule, STATISTICS)
    found = dict(zip(measurement.names, measurement(weights[None])[0], strict=True))
    try:
        threshold = threshold_by_rule(literal.of_split(Split.DEV), rule).value
    except ScoreError:
        assert math.isnan(found["bpcer"])
        assert math.isnan(found["apcer_worst"])
        return
    compare(found, slow(literal.of_split(Split.TEST), threshold))


def test_counts_are_summed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    table = made_up(np.random.default_rng(1), num_subjects=11)
    whole = bootstrap(table, 0.5, replicates=20)
    monkeypatch.setattr(replicates, "CLUSTER_BLOCK", 3)
    assert bootstrap(table, 0.5, replicates=20) == whole


def made_up(
    rng: np.random.Generator,
    *,
    num_subjects: int,
    rows_each: int = 6,
    spread: float = 1.0,
    split: str = "test",
) -> ScoreTable:
    """Subjects with as many bona fide rows as attacks; `spread` is what the rows of one subject share."""
    shift = np.repeat(rng.normal(0, spread, num_subjects), rows_each)
    is_attack = np.tile(np.arange(rows_each) % 2 == 1, num_subjects)
    evidence = np.where(is_attack, 1.0, -1.0) + shift + rng.normal(0, 1, len(shift))
    species = np.where(is_attack, np.where(rng.random(len(shift)) < 0.5, "print", "replay"), "bonafide")
    rows = list(zip(species.tolist(), (1 / (1 + np.exp(-evidence))).tolist(), strict=True))
    names = np.repeat([f"{split} {i}" for i in range(num_subjects)], rows_each).tolist()
    return table_of(*rows, split=split, subjects=names)


def test_names_order_and_seed() -> None:
    table = made_up(np.random.default_rng(0), num_subjects=20)
    result = bootstrap(table, 0.5, replicates=50)
    assert list(result) == ["apcer print", "apcer replay", *STATISTICS[1:]]
    assert result == bootstrap(table, 0.5, replicates=50, seed=0)
    assert result == bootstrap(table, 0.5, replicates=50, seed=np.random.default_rng(0))
    assert result == bootstrap(table, "fixed=0.5", replicates=50)
    assert result != bootstrap(table, 0.5, replicates=50, seed=1)
    assert list(bootstrap(table, 0.5, replicates=50, statistics=("eer", "bpcer"))) == ["eer", "bpcer"]
    for name, value in slow(table, 0.5).items():
        assert result[name].value == pytest.approx(value)
        assert result[name].low < value < result[name].high
        assert (result[name].replicates, result[name].undefined, result[name].method) == (50, 0, "percentile")


@pytest.mark.parametrize("method", ["percentile", "bca"])
def test_without_clusters_scipy_is_the_witness(method: str) -> None:
    """Every row a subject of its own, classes drawn separately: scipy's bootstrap of two samples."""
    rng = np.random.default_rng(11)
    attacks, bonafide = rng.beta(3, 2, 60), rng.beta(1, 3, 45)
    table = table_of(*[("print", float(s)) for s in attacks], *[("bonafide", float(s)) for s in bonafide])
    ours = bootstrap(table, 0.5, method=method, replicates=4000, statistics=("bpcer", "acer_pooled", "auc"))

    def area(first, second):
        return float(np.mean((first[:, None] > second) + 0.5 * (first[:, None] == second)))

    witnesses = {
        "bpcer": ((bonafide >= 0.5).astype(float),),
        "acer_pooled": ((attacks < 0.5).astype(float), (bonafide >= 0.5).astype(float)),
        "auc": (attacks, bonafide),
    }
    functions = {"bpcer": np.mean, "acer_pooled": lambda a, b: (np.mean(a) + np.mean(b)) / 2, "auc": area}
    for name, data in witnesses.items():
        theirs = scipy.stats.bootstrap(
            data,
            functions[name],
            n_resamples=3000,
            vectorized=False,
            method=method,
            rng=np.random.default_rng(1),
        ).confidence_interval
        width = theirs.high - theirs.low
        assert ours[name].low == pytest.approx(theirs.low, abs=0.08 * width), name
        assert ours[name].high == pytest.approx(theirs.high, abs=0.08 * width), name


def test_the_acceleration_is_that_of_the_textbook() -> None:
    """One sample: a = sum d^3 / (6 (sum d^2)^1.5), d = mean of the left-out values less each. A rate of 2 in 5 subjects."""
    from bonaface.evaluation.bootstrap import _accelerations

    left_out = np.array([[2 / 4], [2 / 4], [2 / 4], [1 / 4], [1 / 4]])
    d = left_out.mean() - left_out[:, 0]
    expected = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    assert _accelerations([(0, left_out)], 1) == pytest.approx([expected])
    assert _accelerations([(0, left_out[:2]), (0, left_out[2:])], 1) == pytest.approx([expected])
    assert _accelerations([(0, left_out), (1, np.array([[math.nan], [0.3]]))], 1) == pytest.approx([expected])
    assert _accelerations([], 1) == [0.0]


def test_bca_of_an_estimate_outside_its_replicates_stays_finite() -> None:
    from bonaface.evaluation.bootstrap import interval_of

    drawn = np.linspace(0.2, 0.3, 100)
    result = interval_of(0.5, drawn, 0.0, "bca", 0.95)
    assert 0.2 <= result.low <= result.high <= 0.3


def test_rows_of_one_subject_widen_the_interval() -> None:
    """The same rows with and without their subjects: what they share makes the true interval wider."""
    table = made_up(np.random.default_rng(5), num_subjects=40, rows_each=20, spread=1.5)
    alone = ScoreTable(
        **{
            name: getattr(table, name)
            for name in ("sample", "label", "species", "split", "attack_score", "reason")
        },
        subject=[""] * len(table),
    )
    together, apart = (
        bootstrap(t, 0.5, replicates=300, statistics=("bpcer",))["bpcer"] for t in (table, alone)
    )
    assert together.high - together.low > 1.8 * (apart.high - apart.low)


def test_choosing_the_threshold_anew_widens_the_interval() -> None:
    rng = np.random.default_rng(6)
    dev = made_up(rng, num_subjects=15, split="dev", spread=0.2)
    test = made_up(rng, num_subjects=150, spread=0.2)
    chosen = threshold_by_rule(dev, "eer").value
    fixed = bootstrap(test, chosen, replicates=300, statistics=("bpcer", "auc"))
    anew = bootstrap(joined(dev, test), "eer", replicates=300, statistics=("bpcer", "auc"))
    assert anew["bpcer"].value == fixed["bpcer"].value
    assert anew["auc"].value == fixed["auc"].value
    assert anew["bpcer"].high - anew["bpcer"].low > 1.3 * (fixed["bpcer"].high - fixed["bpcer"].low)


def test_rows_of_training_are_passed_over() -> None:
    rng = np.random.default_rng(7)
    dev, test, train = (made_up(rng, num_subjects=12, split=split) for split in ("dev", "test", "train"))
    with_train = bootstrap(joined(train, dev, test), "eer", replicates=20)
    assert with_train == bootstrap(joined(dev, test), "eer", replicates=20)


def test_a_replicate_whose_rule_can_not_choose_is_counted() -> None:
    """One of two bona fide dev rows scores 1: replicates that draw it leave no threshold for the limit."""
    dev = table_of(("bonafide", 1.0), ("bonafide", 0.2), *[("print", 0.9)] * 5, split="dev")
    test = table_of(*[("bonafide", 0.3), ("bonafide", 0.95)] * 5, *[("print", 0.9)] * 5)
    interval = bootstrap(joined(dev, test), "bpcer=0.4", replicates=200, statistics=("bpcer", "auc"))
    assert 120 < interval["bpcer"].undefined < 180  # 3 of 4
    assert interval["auc"].undefined == 0


def test_a_rate_without_any_error_has_no_interval() -> None:
    """Zero errors in every replicate: 'from 0 to 0' would be a claim that nobody can make."""
    table = table_of(*[("bonafide", 0.1)] * 20, *[("print", 0.9)] * 20)
    for method in ("percentile", "bca"):
        for interval in bootstrap(table, 0.5, method=method, replicates=20).values():
            assert interval.value in (0.0, 1.0)
            assert math.isnan(interval.low)
            assert math.isnan(interval.high)


def test_a_species_without_a_score_is_of_nothing_and_a_rare_one_is_counted() -> None:
    rows: list[Row] = [
        ("morph", None),
        *[("print", 0.1 * i) for i in range(10)],
        ("bonafide", 0.1),
        ("bonafide", 0.9),
    ]
    rare = [("replay", 0.3), ("replay", 0.6)]
    subjects = [f"s{i}" for i in range(len(rows))] + ["rare", "rare"]
    result = bootstrap(table_of(*rows, *rare, subjects=subjects), 0.5, replicates=200, statistics=("apcer",))
    assert result["apcer morph"] == BootstrapInterval(
        pytest.approx(math.nan, nan_ok=True),
        pytest.approx(math.nan, nan_ok=True),
        pytest.approx(math.nan, nan_ok=True),
        0.95,
        "percentile",
        200,
        200,
    )
    assert result["apcer replay"].value == 0.5
    assert 40 < result["apcer replay"].undefined < 110  # (1 - 1/12)^12 of 200 is 70


def test_the_intervals_cover_what_they_say() -> None:
    """Clustered samples: the interval over subjects covers about 95 %, the one over rows far less."""
    rng = np.random.default_rng(12)
    truth = scipy.stats.norm.sf(0.0, loc=-1.0, scale=math.sqrt(1 + 1.5**2))
    covered, naive, rounds = 0, 0, 120
    for _ in range(rounds):
        table = made_up(rng, num_subjects=40, rows_each=40, spread=1.5)
        interval = bootstrap(table, 0.5, replicates=200, statistics=("bpcer",), seed=rng)["bpcer"]
        covered += interval.low <= truth <= interval.high
        found = rates.bpcer(table, 0.5)
        low, high = clopper_pearson(found.errors, found.total)
        naive += low <= truth <= high
    assert 0.88 <= covered / rounds <= 0.99
    assert naive / rounds < 0.75


@pytest.mark.parametrize(
    ("at", "arguments", "message"),
    [
        (
            0.5,
            {"method": "bcd"},
            "a bootstrap method must be percentile or bca; got 'bcd'; choose one of them",
        ),
        (0.5, {"confidence": 95}, "confidence must be between 0 and 1; got 95; 0.95 is usual"),
        (0.5, {"replicates": 1}, "replicates must be at least 2; got 1; 1000 is usual"),
        (
            0.5,
            {"statistics": ("bpce",)},
            f"a statistic must be one of {', '.join(STATISTICS)}; got 'bpce'; did you mean 'bpcer'?",
        ),
        (
            0.5,
            {"statistics": ("zzz",)},
            f"a statistic must be one of {', '.join(STATISTICS)}; got 'zzz'; choose one of them",
        ),
        (math.nan, {}, "a threshold must be a finite number; got nan; choose one on dev"),
        (
            "eer",
            {},
            "a threshold that is chosen anew must have rows of dev and of test; got test; add them, or give the threshold",
        ),
        (
            "best",
            {},
            "a threshold rule must be one of eer, min_acer, apcer=x, bpcer=x, fixed=x; got 'best'; choose one of them",
        ),
    ],
)
def test_what_can_not_be_asked(at: float | str, arguments: dict, message: str) -> None:
    with pytest.raises(ScoreError) as error:
        bootstrap(table_of(("bonafide", 0.1), ("print", 0.9)), at, **arguments)
    assert str(error.value) == message


def test_a_missing_class_or_several_splits_are_refused() -> None:
    with pytest.raises(
        ScoreError, match="both classes must have a row with a score; got 1 bona fide and 0 attack"
    ):
        bootstrap(table_of(("bonafide", 0.1), ("print", None)), 0.5)
    rows = (("bonafide", 0.1), ("print", 0.9))
    with pytest.raises(ScoreError) as error:
        bootstrap(joined(table_of(*rows, split="dev"), table_of(*rows)), 0.5)
    assert str(error.value) == (
        "at one threshold rows must be of one split; got dev, test; select one with of_split"
    )
    for at, message in ((0.5, "got no row"), ("eer", "got none")):
        with pytest.raises(ScoreError, match=message):
            bootstrap(table_of(), at)


@pytest.mark.parametrize("rule", ["eer", "min_acer", "apcer=0.1", "bpcer=0.1"])
def test_a_replicate_without_a_scored_class_on_dev_chooses_nothing(rule: str) -> None:
    """Of three attackers of dev one has a score: two thirds to the third power of the replicates, 30 %, have none."""
    dev = table_of(
        *[("bonafide", 0.1 * i) for i in range(1, 6)], ("print", 0.9), ("print", None), ("print", None),
        split="dev",
    )  # fmt: skip
    test = table_of(
        *[("bonafide", 0.05 * i) for i in range(10)], *[("print", 0.4 + 0.05 * i) for i in range(10)]
    )
    found = bootstrap(joined(dev, test), rule, replicates=400, statistics=("bpcer",))["bpcer"]
    assert found.undefined == pytest.approx(400 * (2 / 3) ** 3, abs=40)
