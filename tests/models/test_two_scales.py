from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from bonaface.models.nano import NanoConfig, build_nano
from bonaface.models.two_scales import TwoScales, area_shares

SMALL = NanoConfig(
    image_size=64, hidden_size=16, num_layers=1, num_heads=2, stem="spectrum", embedding_size=8, experts=None
)
LARGE = replace(SMALL, image_size=96, judges_cells=True)
UNITS = {"mean": (0.5,) * 3, "std": (0.25,) * 3}


@pytest.fixture(scope="module")
def detectors():
    return build_nano(LARGE, seed=1, **UNITS).eval(), build_nano(SMALL, seed=2, **UNITS).eval()


@pytest.fixture(scope="module")
def pixels():
    return torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("size", "smaller"), [(224, 160), (96, 64), (7, 3), (4, 2)])
def test_areas_are_averaged_as_opencv_averages_them(size, smaller):
    picture = np.random.default_rng(size).random((size, size)).astype(np.float32)
    shares = area_shares(size, smaller)
    found = (shares @ torch.from_numpy(picture) @ shares.T).numpy()
    expected = cv2.resize(picture, (smaller, smaller), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_log_odds_are_the_mean_of_both(detectors, pixels):
    larger, smaller = detectors
    both = TwoScales(larger, smaller, sizes=(96, 64))
    small = np.stack(
        [cv2.resize(each.permute(1, 2, 0).numpy(), (64, 64), interpolation=cv2.INTER_AREA) for each in pixels]
    )
    with torch.no_grad():
        found, first = both(pixels), larger(pixels).family_logits
        second = smaller(torch.from_numpy(small).permute(0, 3, 1, 2)).family_logits
    torch.testing.assert_close(found.family_logits, (first + second) / 2, atol=1e-4, rtol=1e-4)
    p = torch.sigmoid(found.family_logits.double())
    torch.testing.assert_close(
        torch.sigmoid(found.attack_logit.double()), 1 - (1 - p).prod(dim=1), atol=1e-6, rtol=0
    )


def test_an_embedding_has_both_directions(detectors, pixels):
    both = TwoScales(*detectors, sizes=(96, 64))
    with torch.no_grad():
        found = both.embed(pixels)
        torch.testing.assert_close(found, both(pixels).embedding)
        first = detectors[0].embed(pixels)
    assert found.shape == (3, 16)
    torch.testing.assert_close(found.norm(dim=1), torch.full((3,), 2**0.5))
    assert torch.cosine_similarity(found[:, :8], first).min() == pytest.approx(1, abs=1e-6)


def test_what_does_not_fit(detectors):
    larger, smaller = detectors
    with pytest.raises(ValueError, match=r"^the second crop must be smaller than the first; got 64 and 96"):
        TwoScales(smaller, larger, sizes=(64, 96))
    other = build_nano(replace(SMALL, num_families=1), seed=0, **UNITS)
    with pytest.raises(ValueError, match=r"^both detectors must judge the same families; got 2 and 1"):
        TwoScales(larger, other, sizes=(96, 64))
