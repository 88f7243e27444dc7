import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from bonaface.errors import ScoreError
from bonaface.evaluation.calibration import FamilyCalibration, fit_families
from bonaface.evaluation.scores import ScoreTable
from bonaface.log_odds import union_log_odds
from bonaface.vocabulary import FAMILIES

WIDE = ("print", "replay", "cutout", "faceswap", "morph", "injection")


def table(log_odds, is_attack, *, split="dev", has_score=None, species=("print",)):
    """Rows with these (rows, families) log-odds, attacks of these species in turn; the combined score plays no part in the fit."""
    num = len(is_attack)
    keep = np.ones(num, bool) if has_score is None else np.asarray(has_score)
    scores = np.where(keep[:, None], expit(np.asarray(log_odds, float)), np.nan)
    return ScoreTable(
        sample=[str(i) for i in range(num)],
        label=["attack" if a else "bonafide" for a in is_attack],
        species=[species[i % len(species)] if a else "bonafide" for i, a in enumerate(is_attack)],
        subject=[str(i) for i in range(num)],
        split=[split] * num,
        attack_score=np.where(keep, 0.5, np.nan),
        reason=["" if k else "no_face" for k in keep],
        family_scores=dict(zip(FAMILIES, scores.T, strict=True)),
    )


def test_stretch_and_shift_by_hand():
    calibration = FamilyCalibration((2.0, 1.0), (-1.0, 0.5))
    np.testing.assert_array_equal(calibration.applied(np.array([[3.0, 4.0]])), [[5.0, 4.5]])


def test_one_telling_family_is_fitted_as_logistic_regression_fits_it():
    """With the other family silent the union is that family alone: Platt's scaling, scikit-learn the witness."""
    rng = np.random.default_rng(1)
    is_attack = rng.random(4000) < 0.3
    first = np.where(is_attack, 1.0, -1.0) + rng.normal(0, 1.2, 4000)
    log_odds = np.stack([first, np.full(4000, -19.0)], axis=1)
    found = fit_families(table(log_odds, is_attack))
    witness = LogisticRegression(C=1e6, class_weight="balanced").fit(first[:, None], is_attack)
    assert found.scales[0] == pytest.approx(witness.coef_[0, 0], rel=0.03)
    assert found.offsets[0] == pytest.approx(witness.intercept_[0], abs=0.03)


def a_head_too_sure():
    """(log-odds as they should be, the same with a digital head thrice as sure and shifted, is_attack)."""
    rng = np.random.default_rng(2)
    kind = rng.integers(0, 4, 6000)  # half bona fide, then one attack of each family
    true = rng.normal(0, 1.0, (6000, 2)) - 3
    true[kind == 2, 0] += 6
    true[kind == 3, 1] += 6
    return true, true * [1.0, 3.0] + [0.0, 9.0], kind >= 2


def share_right(log_odds, is_attack):
    return ((union_log_odds(log_odds) > 0) == is_attack).mean()


def test_a_head_that_is_too_sure_is_held_back():
    _, spoiled, is_attack = a_head_too_sure()
    found = fit_families(table(spoiled, is_attack, species=WIDE))
    assert found.scales[1] < 0.6 * found.scales[0]
    assert share_right(found.applied(spoiled), is_attack) > share_right(spoiled, is_attack) + 0.1


@pytest.mark.parametrize("species", [("print",), WIDE[:-1], ("print", "replay", "cutout", "somewhat")])
def test_families_of_few_species_share_a_scale_and_keep_shifts_of_their_own(species):
    _, spoiled, is_attack = a_head_too_sure()
    found = fit_families(table(spoiled, is_attack, species=species))
    assert found.scales[0] == found.scales[1]
    assert found.offsets[1] < found.offsets[0] - 3
    assert share_right(found.applied(spoiled), is_attack) > share_right(spoiled, is_attack) + 0.1


def test_a_chain_counts_for_every_family_that_it_has():
    _, spoiled, is_attack = a_head_too_sure()
    found = fit_families(
        table(spoiled, is_attack, species=("faceswap+print", "morph+replay", "faceswap+cutout"))
    )
    assert found.scales[1] < 0.6 * found.scales[0]


def test_rows_without_a_score_and_saturated_scores_do_no_harm():
    log_odds = [[-2.0, -2.0], [2.0, 0.0], [900.0, -900.0], [-1.0, -3.0], [0.0, 0.0]]
    is_attack = [False, True, True, False, True]
    found = fit_families(table(log_odds, is_attack, has_score=[True, True, True, True, False]))
    assert np.isfinite([*found.scales, *found.offsets]).all()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (table([[0, 0], [1, 1]], [False, True], split="test"), "must be fitted on dev rows"),
        (table([[0, 0], [1, 1]], [True, True]), "both classes"),
        (table(np.empty((0, 2)), []), "must be fitted on dev rows"),
    ],
)
def test_what_can_not_be_fitted(rows, message):
    with pytest.raises(ScoreError, match=message):
        fit_families(rows)


def test_a_missing_family_is_named():
    full = table([[0, 0], [1, 1]], [False, True])
    columns = {name: getattr(full, name) for name in ("sample", "label", "species", "subject", "split")}
    bare = ScoreTable(**columns, attack_score=full.attack_score, reason=full.reason)
    with pytest.raises(ScoreError, match="physical, digital is missing"):
        fit_families(bare)


def test_without_scipy_the_extra_is_named(monkeypatch):
    from bonaface.errors import MissingExtraError

    monkeypatch.setitem(__import__("sys").modules, "scipy.optimize", None)
    with pytest.raises(MissingExtraError, match="report"):
        fit_families(table([[0, 0], [1, 1]], [False, True]))
