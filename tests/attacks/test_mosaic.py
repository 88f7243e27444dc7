from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.mosaic import PATTERNS, demosaicked, mosaicked


def slow_bilinear(raw: np.ndarray, pattern: str) -> np.ndarray:
    """Each missing colour as the mean of the nearest pixels that measured it, inside the picture only."""
    height, width = raw.shape
    out = np.zeros((height, width, 3))
    for y in range(1, height - 1):
        for x in range(1, width - 1):
            own = pattern[2 * (y % 2) + x % 2]
            for index, colour in enumerate("RGB"):
                if colour == own:
                    out[y, x, index] = raw[y, x]
                    continue
                near = [
                    (abs(i) + abs(j), float(raw[y + i, x + j]))
                    for i in (-1, 0, 1)
                    for j in (-1, 0, 1)
                    if pattern[2 * ((y + i) % 2) + (x + j) % 2] == colour
                ]
                closest = min(distance for distance, _ in near)
                out[y, x, index] = np.mean([value for distance, value in near if distance == closest])
    return out


@pytest.mark.parametrize("pattern", PATTERNS)
def test_each_pixel_measures_the_colour_of_its_filter(pattern):
    image = np.arange(5 * 7 * 3, dtype=np.float32).reshape(5, 7, 3)
    raw = mosaicked(image, pattern)
    for y in range(5):
        for x in range(7):
            assert raw[y, x] == image[y, x, "RGB".index(pattern[2 * (y % 2) + x % 2])]
    assert image[0, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_linear_demosaicking_is_the_mean_of_the_nearest(pattern, kind):
    raw = np.random.default_rng(0).integers(0, np.iinfo(kind).max, (12, 15)).astype(kind)
    found = demosaicked(raw, pattern).astype(float)
    np.testing.assert_allclose(found[1:-1, 1:-1], slow_bilinear(raw, pattern)[1:-1, 1:-1], atol=1)


@pytest.mark.parametrize("is_edge_aware", [False, True])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (3, 3), (4, 7), (9, 8)])
def test_flat_colours_survive_at_any_size(size, is_edge_aware):
    for pattern in PATTERNS:
        image = np.full((*size, 3), (200, 120, 40), np.uint8)
        raw = mosaicked(image, pattern)
        found = demosaicked(raw, pattern, is_edge_aware=is_edge_aware)
        assert found.shape == image.shape
        if min(size) > 1:
            np.testing.assert_array_equal(found, image)


def test_edge_aware_keeps_an_edge_that_linear_smears():
    image = np.full((20, 20, 3), 40, np.uint8)
    image[:, 10:] = 200
    raw = mosaicked(image, "RGGB")

    def error(is_edge_aware: bool) -> float:
        green = demosaicked(raw, "RGGB", is_edge_aware=is_edge_aware)[..., 1].astype(int)
        return float(np.abs(green - image[..., 1]).mean())

    assert error(True) < 0.1 * error(False)
