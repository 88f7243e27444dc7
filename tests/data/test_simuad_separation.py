from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonaface.data.simuad.separation import PENALTY, area, fitted
from bonaface.data.simuad.traces import traces


@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=30))
def test_the_area_is_the_share_of_pairs_in_order(rows):
    attacks = [score for score, is_attack in rows if is_attack]
    bonafide = [score for score, is_attack in rows if not is_attack]
    pairs = [1.0 if one > other else 0.5 if one == other else 0.0 for one in attacks for other in bonafide]
    found = area([score for score, _ in rows], np.array([is_attack for _, is_attack in rows]))
    assert found is None if not pairs else found == pytest.approx(np.mean(pairs))


def test_the_area_as_another_library_has_it():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(1)
    flags = rng.random(200) < 0.3
    scores = rng.normal(size=200).round(1) + flags
    assert area(scores, flags) == pytest.approx(metrics.roc_auc_score(flags, scores))


def test_the_classifier_as_another_library_has_it():
    linear_model = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(2)
    features = rng.normal(3, 2, (90, 5)) * [1, 10, 0.1, 1, 1]
    flags = rng.random(90) < 0.2
    features[flags, 1] += 7
    ridge = fitted(features, flags)
    plain = (features - features.mean(0)) / features.std(0)
    weights = np.where(flags, 45 / flags.sum(), 45 / (~flags).sum())
    theirs = linear_model.Ridge(alpha=PENALTY).fit(plain, 2.0 * flags - 1, sample_weight=weights)
    np.testing.assert_allclose(ridge.weights, theirs.coef_, rtol=1e-6)
    np.testing.assert_allclose(ridge.scores(features), plain @ theirs.coef_, rtol=1e-6)


def test_a_feature_that_never_changes_does_no_harm():
    features = np.array([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0]])
    flags = np.array([False, False, True, True])
    scores = fitted(features, flags).scores(features)
    assert np.isfinite(scores).all()
    assert area(scores, flags) == 1.0


def crop(seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 256, (160, 160, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2))


def test_traces_are_finite_and_see_what_was_done():
    plain = traces(crop())
    flat = traces(np.full((160, 160, 3), 77, np.uint8))
    assert plain.shape == flat.shape == (41,)
    assert np.isfinite(plain).all()
    assert np.isfinite(flat).all()
    noise = np.random.default_rng(3).integers(0, 256, (160, 160, 3), np.uint8)
    rough, soft = traces(noise), traces(np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.7)))
    assert soft[0] < rough[0]  # fine detail of the middle
    assert soft[-1] < rough[-1]  # the highest ring of the spectrum
    tinted = crop().copy()
    tinted[..., 0] //= 2
    assert abs(traces(tinted) - plain).max() > 5


def test_the_middle_and_the_rim_are_seen_apart():
    pasted = crop()
    pasted[40:120, 40:120] = cv2.GaussianBlur(pasted, (0, 0), 4)[40:120, 40:120]
    before, after = traces(crop()), traces(pasted)
    assert after[0] < before[0] - 1
    assert after[11] == pytest.approx(before[11], abs=0.1)  # the first number of the rim


def test_traces_leave_the_crop_as_it_is():
    one = crop()
    traces(one)
    np.testing.assert_array_equal(one, crop())
