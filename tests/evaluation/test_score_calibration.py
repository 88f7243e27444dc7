from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from bonaface.errors import ScoreError
from bonaface.evaluation.likelihood import cllr
from bonaface.evaluation.score_calibration import (
    METHODS,
    LogOddsLine,
    RisingCurve,
    ScoreCalibration,
    calibrated,
    calibration_by_method,
    fit_isotonic,
    fit_platt,
    fit_temperature,
    from_json,
    to_json,
    write_calibration,
)
from bonaface.evaluation.scores import ScoreTable
from bonaface.vocabulary import Family

from .tables import ROWS_OF_BOTH, Row, joined, table_of

Loss = Callable[[float, float], float]


def dev_of(bonafide, attacks) -> ScoreTable:
    return table_of(
        *(("bonafide", float(s)) for s in bonafide), *(("print", float(s)) for s in attacks), split="dev"
    )


def drawn(num: int, *, seed: int = 0, share: float = 0.75) -> tuple[np.ndarray, np.ndarray]:
    """Log-odds and labels whose log-likelihood ratio is the log-odds: two normal classes, variance twice the mean."""
    generator = np.random.default_rng(seed)
    is_attack = generator.random(num) < share
    return generator.normal(np.where(is_attack, 2.0, -2.0), 2.0), is_attack


def dev_of_log_odds(log_odds: np.ndarray, is_attack: np.ndarray) -> ScoreTable:
    return dev_of(expit(log_odds[~is_attack]), expit(log_odds[is_attack]))


def slow_loss(bonafide, attacks) -> Loss:
    """Cross-entropy as its definition reads, against Platt's targets."""

    def loss(scale: float, offset: float) -> float:
        total = 0.0
        for scores, target in (
            (bonafide, 1 / (len(bonafide) + 2)),
            (attacks, (len(attacks) + 1) / (len(attacks) + 2)),
        ):
            for score in scores:
                moved = scale * math.log(score / (1 - score)) + offset
                entropy = target * math.log(expit(moved)) + (1 - target) * math.log(expit(-moved))
                total -= entropy / (2 * len(scores))
        return total

    return loss


# Temperature and platt


def test_a_temperature_by_hand() -> None:
    """Nine rows a class at log-odds -2 and 2: as if one more had gone the other way, ten to one is what they carry."""
    found = fit_temperature(dev_of([expit(-2.0)] * 9, [expit(2.0)] * 9))
    assert found.curve.scale == pytest.approx(math.log(10) / 2)
    assert found.applied([expit(-2.0), 0.5, expit(2.0)]) == pytest.approx([1 / 11, 0.5, 10 / 11])


def test_platt_by_hand() -> None:
    """4 bona fide rows at log-odds 1, nine attacks at 3: -log 5 and log 10 are reached, a line through both."""
    found = fit_platt(dev_of([expit(1.0)] * 4, [expit(3.0)] * 9))
    assert found.curve.scale == pytest.approx((math.log(10) + math.log(5)) / 2)
    assert found.applied([expit(1.0), expit(3.0)]) == pytest.approx([1 / 6, 10 / 11])


@pytest.mark.parametrize("seed", range(4))
def test_platt_is_the_least_loss(seed: int) -> None:
    generator = np.random.default_rng(seed)
    bonafide = expit(generator.normal(0, 2, 12))
    attacks = expit(generator.normal(2, 3, 30))
    found = fit_platt(dev_of(bonafide, attacks)).curve
    loss = slow_loss(bonafide, attacks)
    settings = {"xatol": 1e-9, "fatol": 1e-14, "maxiter": 2000}
    best = minimize(lambda line: loss(*line), [1.0, 0.0], method="Nelder-Mead", options=settings)
    assert (found.scale, found.offset) == (
        pytest.approx(best.x[0], rel=1e-5),
        pytest.approx(best.x[1], abs=1e-5),
    )


@pytest.mark.parametrize("seed", range(4))
def test_a_temperature_is_the_least_loss(seed: int) -> None:
    generator = np.random.default_rng(seed)
    bonafide, attacks = expit(generator.normal(-1, 2, 12)), expit(generator.normal(2, 3, 30))
    found = fit_temperature(dev_of(bonafide, attacks)).curve
    loss = slow_loss(bonafide, attacks)
    best = minimize_scalar(lambda scale: loss(scale, 0.0), bounds=(0, 10), options={"xatol": 1e-10})
    assert (found.scale, found.offset) == (pytest.approx(best.x, rel=1e-5), 0.0)


def test_platt_where_whole_steps_go_too_far() -> None:
    """Nearly all attacks just above 0.5, nearly all bona fide rows far below: a whole Newton step raises the loss."""
    bonafide = [0.0323] * 9330
    attacks = [0.063] * 51 + [0.496] * 2290 + [0.4972] * 7059
    found = fit_platt(dev_of(bonafide, attacks)).curve
    loss = slow_loss(bonafide, attacks)
    for scale, offset in ((1.001, 0), (0.999, 0), (1, 0.01), (1, -0.01)):
        assert loss(found.scale, found.offset) < loss(found.scale * scale, found.offset + offset)


def test_platt_agrees_with_logistic_regression_on_many_rows() -> None:
    log_odds, is_attack = drawn(20_000)
    log_odds = 3 * log_odds + 2
    found = fit_platt(dev_of_log_odds(np.clip(log_odds, -19, 19), is_attack)).curve
    witness = LogisticRegression(C=1e9, class_weight="balanced", tol=1e-8).fit(
        np.clip(log_odds, -19, 19)[:, None], is_attack
    )
    assert found.scale == pytest.approx(witness.coef_[0, 0], rel=2e-3)
    assert found.offset == pytest.approx(witness.intercept_[0], abs=5e-3)


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_a_known_distortion_is_undone(method: str) -> None:
    log_odds, is_attack = drawn(40_000)
    offset = 0.7 if method == "platt" else 0.0
    found = calibration_by_method(dev_of_log_odds(log_odds / 0.4 - offset / 0.4, is_attack), method).curve
    assert found.scale == pytest.approx(0.4, rel=0.03)
    assert found.offset == pytest.approx(offset, abs=0.06)


@pytest.mark.parametrize("method", ["temperature", "platt"])
def test_order_and_auc_stay(method: str) -> None:
    log_odds, is_attack = drawn(3000)
    scores = expit(np.round(log_odds, 2))
    found = calibration_by_method(dev_of_log_odds(2 * log_odds - 1, is_attack), method)
    after = found.applied(scores)
    assert roc_auc_score(is_attack, after) == roc_auc_score(is_attack, scores)
    assert len(np.unique(after)) == len(np.unique(scores))


def test_the_least_loss_is_less_on_dev_and_on_test() -> None:
    log_odds, is_attack = drawn(4000)
    spoiled = 3 * log_odds + 3
    dev, test = (dev_of_log_odds(spoiled[part], is_attack[part]) for part in (slice(2000), slice(2000, None)))
    costs = [cllr(test), *(cllr(calibrated(test, METHODS[name](dev))) for name in METHODS)]
    before, temperature, platt, isotonic = costs
    assert before > temperature + 0.1
    assert temperature > platt + 0.05
    assert isotonic < platt + 0.05
    best = slow_cllr_of_the_truth(log_odds[2000:], is_attack[2000:])
    assert platt == pytest.approx(best, abs=0.01)


def slow_cllr_of_the_truth(log_odds: np.ndarray, is_attack: np.ndarray) -> float:
    bits = np.log2(1 + np.exp(np.where(is_attack, -log_odds, log_odds)))
    return (bits[is_attack].mean() + bits[~is_attack].mean()) / 2


# Isotonic


def test_isotonic_by_hand() -> None:
    """Three blocks: 0.1; 0.2 to 0.6, of one attack in three and one bona fide row in two; 0.7 and above.

    Shares with both classes alike: 0, (1/3) / (1/3 + 1/2) = 2/5 and 1; targets are 1/4 and 4/5.
    """
    found = fit_isotonic(dev_of([0.1, 0.6], [0.2, 0.7, 0.9]))
    middle = 0.25 + 0.55 * 0.4
    assert found.curve.scores == (0.1, 0.2, 0.6, 0.7, 0.9)
    assert found.curve.values == pytest.approx((0.25, middle, middle, 0.8, 0.8))
    applied = found.applied([0.0, 0.15, 0.3, 0.65, 1.0])
    assert applied == pytest.approx([0.25, (0.25 + middle) / 2, middle, (middle + 0.8) / 2, 0.8])


@given(rows=ROWS_OF_BOTH, asked=st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_isotonic_agrees_with_scikit_learn(rows: list[Row], asked: list[float]) -> None:
    # Scores that differ in their last digit alone are one score to scikit-learn.
    rows = [(species, 0.6 if score == np.nextafter(0.5, 1) else score) for species, score in rows]
    dev = table_of(*rows, split="dev")
    dev = dev.select(dev.has_score)
    try:
        found = fit_isotonic(dev)
    except ScoreError:
        assume(False)
    num_bonafide, num_attacks = int(dev.is_bonafide.sum()), int(dev.is_attack.sum())
    targets = np.where(dev.is_attack, (num_attacks + 1) / (num_attacks + 2), 1 / (num_bonafide + 2))
    weights = np.where(dev.is_attack, 1 / num_attacks, 1 / num_bonafide)
    kept = np.clip(dev.attack_score, expit(-20), expit(20))
    witness = IsotonicRegression(out_of_bounds="clip").fit(kept, targets, sample_weight=weights)
    np.testing.assert_allclose(found.applied(asked), witness.predict(np.array(asked)), atol=1e-6)


@given(
    rows=ROWS_OF_BOTH,
    asked=st.lists(st.floats(0, 1), min_size=2, max_size=8),
    method=st.sampled_from([*METHODS]),
)
def test_order_is_never_turned_round(rows: list[Row], asked: list[float], method: str) -> None:
    try:
        found = calibration_by_method(table_of(*rows, split="dev"), method)
    except ScoreError:
        assume(False)
    knots = found.curve.scores if isinstance(found.curve, RisingCurve) else ()
    near = [float(np.nextafter(knot, 0)) for knot in knots]
    after = found.applied(sorted([*asked, *knots, *near]))
    assert (np.diff(after) >= 0).all()
    assert after.min() > 0
    assert after.max() < 1


def test_rounding_before_a_knot_does_not_turn_scores_round() -> None:
    """The straight line through these two knots ends a unit in the last place above the second."""
    scores = 0.000676591929404665, 0.047144932847956594
    values = 0.0006340674772089312, 0.18783578293063172
    before = np.array([np.nextafter(scores[1], 0)])
    assert np.interp(before, scores, values)[0] > values[1]
    assert RisingCurve(scores, values).applied(before)[0] == values[1]


# Rows gone wrong


@pytest.mark.parametrize("method", METHODS)
def test_certain_scores_and_classes_apart_stay_within_bounds(method: str) -> None:
    found = calibration_by_method(dev_of([0.0] * 40, [1.0] * 60), method)
    low, high = found.applied([0.0, 1.0])
    # A temperature has one number for both sides: between what 40 and what 60 rows carry.
    assert 1 / 62 - 1e-9 <= low <= 1 / 42 + 1e-9
    assert 41 / 42 - 1e-9 <= high <= 61 / 62 + 1e-9
    assert found.notes == (
        "dev parts the classes without an error: how sure a score may be is taken from its number of rows alone",
    )


@pytest.mark.parametrize("method", METHODS)
def test_no_score_becomes_certain(method: str) -> None:
    """All dev scores near 0.5, so that the line is steep; then come scores far outside."""
    generator = np.random.default_rng(0)
    dev = dev_of(0.5 + generator.normal(-1e-3, 1e-3, 200), 0.5 + generator.normal(1e-3, 1e-3, 200))
    low, high = calibration_by_method(dev, method).applied([0.0, 1.0])
    assert 0 < low < 0.1
    assert 0.9 < high < 1


@pytest.mark.parametrize("method", METHODS)
def test_rows_of_test_fit_nothing(method: str) -> None:
    rows = (("bonafide", 0.1), ("print", 0.9))
    with pytest.raises(ScoreError) as error:
        calibration_by_method(
            joined(table_of(*rows, split="dev"), table_of(*rows), table_of(*rows, split="train")), method
        )
    assert str(error.value) == (
        "a calibration must be fitted on dev rows only; got rows of test, train; select them with of_split(Split.DEV)"
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("rows", "came"),
    [
        ((), "0 bona fide and 0 attack"),
        ((("bonafide", 0.1), ("print", None)), "1 bona fide and 0 attack"),
        ((("print", 0.1), ("print", 0.2)), "0 bona fide and 2 attack"),
    ],
)
def test_a_missing_class_fits_nothing(method: str, rows: tuple[Row, ...], came: str) -> None:
    with pytest.raises(ScoreError) as error:
        calibration_by_method(table_of(*rows, split="dev"), method)
    assert str(error.value) == (
        f"dev must have both classes with a score to calibrate on; got {came}; add the missing class"
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("score", "named"), [(0.3, "0.3"), (0.0, "2.06115e-09"), (1e-12, "2.06115e-09")])
def test_equal_scores_fit_nothing(method: str, score: float, named: str) -> None:
    with pytest.raises(ScoreError) as error:
        calibration_by_method(dev_of([score, score], [score]), method)
    assert str(error.value) == f"dev scores must differ to be calibrated; all are {named}; check the detector"


@pytest.mark.parametrize("method", METHODS)
def test_scores_the_wrong_way_round_fit_nothing(method: str) -> None:
    with pytest.raises(ScoreError) as error:
        calibration_by_method(dev_of([0.8, 0.9, 0.7], [0.1, 0.2, 0.3]), method)
    assert str(error.value) == (
        "dev attacks must score higher than dev bona fide rows to be calibrated; "
        "the best fit is flat or turns them round; check that 1 means attack"
    )


def test_few_rows_are_noted() -> None:
    rows = [0.1, 0.6, *[0.2] * 27], [0.9, 0.4, *[0.8] * 3]
    assert fit_platt(dev_of(*rows)).notes == (
        "dev has 29 bona fide rows with a score, fewer than 30: the calibration is a rough one",
        "dev has 5 attacks with a score, fewer than 30: the calibration is a rough one",
    )
    assert fit_platt(dev_of([*rows[0], 0.2], [*rows[1], *[0.8] * 25])).notes == ()


def test_rows_without_a_score_are_passed_over_and_counted_out() -> None:
    rows = [("bonafide", 0.1), ("bonafide", 0.6), ("print", 0.4), ("print", 0.9)]
    silent = [*rows, ("print", None), ("bonafide", None)]
    found = fit_platt(table_of(*silent, split="dev"))
    assert found == fit_platt(table_of(*rows, split="dev"))
    assert (found.num_bonafide, found.num_attacks, found.method) == (2, 2, "platt")


@pytest.mark.parametrize(
    ("method", "tail"), [("plat", "; did you mean 'platt'?"), ("zzz", "; choose one of them")]
)
def test_an_unknown_method(method: str, tail: str) -> None:
    with pytest.raises(ScoreError) as error:
        calibration_by_method(dev_of([0.1], [0.9]), method)
    assert str(error.value) == (
        f"a calibration method must be one of temperature, platt, isotonic; got '{method}'{tail}"
    )


# Applied


LINE = ScoreCalibration("platt", LogOddsLine(2.0, 1.0), 40, 60)
CURVE = ScoreCalibration("isotonic", RisingCurve((0.2, 0.4), (0.1, 0.7)), 40, 60, ("a note",))


def test_a_line_by_hand() -> None:
    assert LINE.applied([0.5, 0.25]) == pytest.approx([expit(1.0), expit(1 - 2 * math.log(3))])
    assert LINE.applied([0.0, 1.0]) == pytest.approx([expit(-20.0), expit(20.0)], rel=1e-6)
    assert logit(LINE.applied([0.3])[0]) == pytest.approx(2 * logit(0.3) + 1)


@pytest.mark.parametrize("calibration", [LINE, CURVE])
def test_a_table_keeps_all_but_its_attack_score(calibration: ScoreCalibration) -> None:
    table = table_of(("bonafide", 0.25), ("print", None), ("print", 0.9), groups={"device": ["a", "b", "c"]})
    evidence = {Family.PHYSICAL: [0.2, np.nan, 0.8]}
    after = calibrated(replace(table, family_scores=evidence), calibration)
    np.testing.assert_array_equal(after.attack_score, calibration.applied([0.25, np.nan, 0.9]))
    assert np.isnan(after.attack_score).tolist() == [False, True, False]
    np.testing.assert_array_equal(after.family_scores[Family.PHYSICAL], evidence[Family.PHYSICAL])
    for name in ("sample", "label", "species", "subject", "split", "reason"):
        assert getattr(after, name).tolist() == getattr(table, name).tolist()
    assert after.groups["device"].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("scores", "came"), [([0.5, 1.5], "0.5 to 1.5"), ([-3.0, np.nan, 0.1], "-3.0 to 0.1")]
)
def test_logits_are_refused(scores: list[float], came: str) -> None:
    with pytest.raises(ScoreError) as error:
        LINE.applied(scores)
    assert str(error.value) == (
        f"scores must be in [0, 1] to be calibrated; got {came}; write probabilities, not logits"
    )


# As JSON


@pytest.mark.parametrize("calibration", [LINE, CURVE])
def test_json_there_and_back(calibration: ScoreCalibration, tmp_path) -> None:
    plain = to_json(calibration)
    assert plain["schema_version"] == 1
    assert from_json(json.loads(json.dumps(plain))) == calibration
    write_calibration(tmp_path / "calibration.json", calibration)
    assert json.loads((tmp_path / "calibration.json").read_text()) == plain
    assert [path.name for path in tmp_path.iterdir()] == ["calibration.json"]


def test_json_by_hand() -> None:
    assert to_json(LINE) == {
        "schema_version": 1, "method": "platt", "curve": {"scale": 2.0, "offset": 1.0},
        "num_bonafide": 40, "num_attacks": 60, "notes": [],
    }  # fmt: skip


@pytest.mark.parametrize("version", [None, 2, "1"])
def test_another_schema_is_refused(version: object) -> None:
    with pytest.raises(ScoreError) as error:
        from_json({**to_json(LINE), "schema_version": version})
    assert str(error.value) == (
        f"a calibration must have schema_version 1; got {version}; fit it again with this release"
    )


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        ({"num_attacks": "many"}, "num_attacks: Input should be a valid integer"),
        ({"curve": {"scale": 2.0}}, "curve.LogOddsLine.offset: Field required"),
        ({"curve": None}, "curve.LogOddsLine: Input should be"),
    ],
)
def test_json_that_is_none_is_refused(changed: dict, where: str) -> None:
    with pytest.raises(ScoreError) as error:
        from_json({**to_json(LINE), **changed})
    message = str(error.value)
    assert message.startswith(f"a calibration must have the fields that to_json writes; {where}")
    assert message.endswith("; fit it again")


@pytest.mark.parametrize(("scale", "offset"), [(0.0, 1.0), (-1.0, 0.0), (math.inf, 0.0), (1.0, math.nan)])
def test_a_line_that_does_not_rise_is_refused(scale: float, offset: float) -> None:
    message = (
        f"a calibration must have a scale above 0 and a finite offset; got {scale} and {offset}; fit it again"
    )
    with pytest.raises(ScoreError) as error:
        LogOddsLine(scale, offset)
    assert str(error.value) == message
    with pytest.raises(ScoreError) as error:
        from_json({**to_json(LINE), "curve": {"scale": scale, "offset": offset}})
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("scores", "values"),
    [
        ((), ()),
        ((0.1, 0.2), (0.5,)),
        ((0.2, 0.1), (0.5, 0.6)),
        ((0.1, 0.1), (0.5, 0.6)),
        ((0.1, 0.2), (0.6, 0.5)),
        ((0.1, 0.2), (0.6, 1.1)),
        ((0.1, math.nan), (0.5, 0.6)),
    ],
)
def test_a_curve_that_falls_is_refused(scores: tuple[float, ...], values: tuple[float, ...]) -> None:
    with pytest.raises(ScoreError) as error:
        RisingCurve(scores, values)
    assert str(error.value) == (
        "a calibration curve must have knots in [0, 1], scores that rise and values that never fall; "
        f"got {len(scores)} scores and {len(values)} values that do not; fit it again"
    )
