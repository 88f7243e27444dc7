from __future__ import annotations

import cv2
import numpy as np
import pytest

from bonaface.attacks.complexion import is_grey, recoloured

MIDDLE = np.zeros((80, 70), np.float32)
MIDDLE[20:60, 15:55] = 1
INSIDE = MIDDLE > 0.5


def tones(mean: tuple[float, float, float], deviation: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    common, own = rng.normal(0, deviation, (80, 70, 1)), rng.normal(0, deviation / 4, (80, 70, 3))
    blurred = cv2.GaussianBlur(np.asarray(common + own), (0, 0), 2.0) * 6
    return np.clip(np.asarray(mean) + blurred, 0, 255).astype(np.uint8)


SOURCE, TARGET = tones((190, 140, 120), 10, 0), tones((120, 95, 90), 16, 1)


@pytest.mark.parametrize(("transfer", "space"), [("lab", cv2.COLOR_RGB2LAB), ("ycbcr", cv2.COLOR_RGB2YCrCb)])
def test_means_and_deviations_become_the_targets(transfer, space):
    out = recoloured(SOURCE, TARGET, MIDDLE, transfer=transfer, amount=1.0)
    got, wanted = (cv2.cvtColor(one, space)[INSIDE].astype(float) for one in (out, TARGET))
    assert got.mean(axis=0) == pytest.approx(wanted.mean(axis=0), abs=1.0)
    assert got[:, 0].std() == pytest.approx(wanted[:, 0].std(), rel=0.06)


def test_histograms_become_the_targets():
    """scikit-image's matching of the same pixels is the witness."""
    exposure = pytest.importorskip("skimage.exposure")
    out = recoloured(SOURCE, TARGET, MIDDLE, transfer="histogram", amount=1.0)
    cut = (slice(20, 60), slice(15, 55))
    witness = exposure.match_histograms(SOURCE[cut], TARGET[cut], channel_axis=2).astype(float)
    assert np.abs(out[cut] - witness).mean() < 1.5


@pytest.mark.parametrize("transfer", ["lab", "ycbcr", "histogram"])
def test_the_amount_is_the_share_of_the_way(transfer):
    means = [
        recoloured(SOURCE, TARGET, MIDDLE, transfer=transfer, amount=amount)[INSIDE].mean()
        for amount in (0, 0.5, 1)
    ]
    assert means[0] == pytest.approx(SOURCE[INSIDE].mean(), abs=0.6)
    assert means[1] == pytest.approx((means[0] + means[2]) / 2, abs=1.5)
    assert means[2] == pytest.approx(TARGET[INSIDE].mean(), abs=1.5)


@pytest.mark.parametrize("transfer", ["lab", "ycbcr", "histogram"])
@pytest.mark.parametrize("amount", [0.0, 0.4, 1.0])
def test_a_grey_target_makes_the_face_grey(transfer, amount):
    grey = cv2.cvtColor(cv2.cvtColor(TARGET, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    out = recoloured(SOURCE, grey, MIDDLE, transfer=transfer, amount=amount)
    assert is_grey(grey)
    assert np.ptp(out, axis=2).max() <= 1


def test_grey_is_what_stays_grey_in_a_jpeg():
    grey = cv2.cvtColor(cv2.cvtColor(TARGET, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    stored = cv2.imdecode(cv2.imencode(".jpg", grey)[1], cv2.IMREAD_COLOR)
    assert is_grey(stored)
    assert not is_grey(TARGET)


def test_nowhere_to_measure_leaves_the_source():
    nowhere = np.zeros((80, 70), np.float32)
    assert (recoloured(SOURCE, TARGET, nowhere, transfer="lab", amount=1.0) == SOURCE).all()
