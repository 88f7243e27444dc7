from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.seam import (
    InnerFace,
    blended,
    curve,
    draw_inner_face,
    inner_mask,
    inner_window,
    membrane,
)

FACE = np.array([[80.0, 0, 30], [0, 80, 40]])
"""A face box of 80 px at (30, 40)."""
ROUND = InnerFace(seed=0, half_width=0.4, top=0.5, bottom=0.5, flatness=2.0, unevenness=0.0, edge=0.1)
SEAMS = ["alpha", "poisson", "pyramid"]


def hole(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return ((((x - width / 2) / (0.4 * width)) ** 2 + ((y - height / 2) / (0.4 * height)) ** 2) < 1).astype(
        np.uint8
    )


def exact_membrane(values: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The linear equations of the definition, one for each pixel of the hole."""
    places = {place: number for number, place in enumerate(zip(*np.nonzero(inside), strict=True))}
    matrix, right = np.zeros((len(places), len(places))), np.zeros((len(places), 3))
    for (y, x), row in places.items():
        for place in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            if not (0 <= place[0] < inside.shape[0] and 0 <= place[1] < inside.shape[1]):
                continue
            matrix[row, row] += 1
            if place in places:
                matrix[row, places[place]] -= 1
            else:
                right[row] += values[place]
    out = values.astype(float)
    out[inside > 0] = np.linalg.solve(matrix, right)
    return out


@pytest.mark.parametrize("size", [(42, 36), (32, 40)])
@pytest.mark.parametrize("is_cut", [False, True])
def test_the_membrane_is_near_the_exact_solution(size, is_cut):
    """A flat fill would be off by 0.6 of the spread of the slow and of the stepped border."""
    rng = np.random.default_rng(4)
    y, x = np.mgrid[: size[0], : size[1]]
    waves = np.stack(
        [20 * np.sin(x / 9) + 9 * np.cos(y / 12), rng.normal(0, 12, size), 30.0 * (x > y)], axis=2
    )
    values, inside = waves.astype(np.float32), hole(*size)
    if is_cut:
        values, inside = values[:, size[1] // 3 :], inside[:, size[1] // 3 :]
    found, exact = membrane(values, np.ascontiguousarray(inside)), exact_membrane(values, inside)
    assert (found[inside == 0] == values[inside == 0]).all()
    ring = (cv2.dilate(inside, np.ones((3, 3), np.uint8)) - inside) > 0
    error = np.sqrt(((found - exact)[inside > 0] ** 2).mean(axis=0))
    assert (error < np.array([0.16, 0.3, 0.16]) * values[ring].std(axis=0)).all(), (
        "slow, noisy and stepped borders"
    )


def test_a_level_step_is_carried_everywhere():
    values = np.full((50, 60, 3), (3.0, -7.0, 11.0), np.float32)
    inside = hole(50, 60)
    values[inside > 0] = 99
    assert membrane(values, inside)[inside > 0] == pytest.approx(
        np.broadcast_to((3.0, -7.0, 11.0), (inside.sum(), 3)), abs=1e-3
    )


def test_a_hole_without_a_border_becomes_zero():
    values = np.full((9, 12, 3), 5.0, np.float32)
    assert (membrane(values, np.ones((9, 12), np.uint8)) == 0).all()
    assert (membrane(values, np.zeros((9, 12), np.uint8)) == 5).all()


def test_a_round_region_is_an_ellipse_with_a_soft_inner_edge():
    mask = inner_mask(ROUND, FACE, (slice(0, 160), slice(0, 150)))
    y, x = np.mgrid[:160, :150]
    radius = np.hypot((x - 70) / 32, (y - 80) / 40)
    assert (mask[radius > 1.04] == 0).all()
    assert (mask[radius < 0.97] > 0).all()
    assert (mask[radius < 0.7] == 1).all()
    rim = (radius > 0.8) & (radius < 0.97)
    assert ((mask[rim] > 0) & (mask[rim] <= 1)).all()
    assert np.ptp(mask[80, 38:50]) > 0.9
    assert (np.diff(mask[80, :70]) >= 0).all()


def test_the_window_holds_the_region_and_ends_at_the_picture():
    whole = inner_mask(ROUND, FACE, (slice(0, 160), slice(0, 150)))
    rows, columns = window = inner_window(ROUND, FACE, (160, 150))
    outside = whole.copy()
    outside[window] = 0
    assert outside.max() == 0
    assert (inner_mask(ROUND, FACE, window) == whole[window]).all()
    assert (rows.stop - rows.start, columns.stop - columns.start) < (90, 75)
    assert inner_window(ROUND, FACE, (160, 60))[1].stop == 60
    cut = inner_mask(ROUND, FACE, (slice(0, 160), slice(0, 60)))
    assert cut[80, 59] == 1, "the picture's border is no edge of the face"


def test_outlines_follow_their_numbers():
    x, y = (curve(ROUND) - 0.5).T
    assert np.hypot(x / 0.4, y / 0.5) == pytest.approx(np.ones(48), abs=1e-5)
    flat = curve(replace(ROUND, flatness=4.0)) - 0.5
    assert ((flat[:, 0] / 0.4) ** 4 + (flat[:, 1] / 0.5) ** 4)[24:] == pytest.approx(np.ones(24), abs=1e-4)
    assert flat[:24] == pytest.approx(np.stack([x, y], axis=1)[:24], abs=1e-5)
    radii = [
        np.hypot(*((curve(replace(ROUND, unevenness=0.05, seed=seed)) - 0.5) / [0.4, 0.5]).T)
        for seed in range(40)
    ]
    assert 0.03 < np.std(radii) < 0.1
    assert np.abs(np.array(radii) - 1).max() <= 0.1 + 1e-6
    assert draw_inner_face(np.random.default_rng(1), edge=0.2).edge == 0.2


def pictures(size: tuple[int, int] = (90, 80)) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[: size[0], : size[1]]
    wave = np.stack([120 + 40 * np.sin(x / 9 + k) + 30 * np.cos(y / 11) for k in range(3)], axis=2)
    rng = np.random.default_rng(0)
    target = wave + rng.normal(0, 3, wave.shape)
    return np.clip(target, 0, 255).astype(np.uint8), np.clip(255 - wave, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seam", SEAMS)
def test_outside_the_mask_every_byte_stays(seam):
    target, source = pictures()
    mask = inner_mask(ROUND, np.array([[60.0, 0, 10], [0, 70, 10]]), (slice(0, 90), slice(0, 80)))
    out = blended(source, target, mask, seam=seam)
    assert (out[mask == 0] == target[mask == 0]).all()
    assert (out[mask > 0.9] != target[mask > 0.9]).mean() > 0.9
    assert blended(target, target, mask, seam=seam) == pytest.approx(target, abs=1)


def test_alpha_by_hand():
    source, target = np.full((2, 2, 3), 200, np.uint8), np.full((2, 2, 3), 100, np.uint8)
    mask = np.array([[0, 0.25], [0.5, 1]], np.float32)
    assert blended(source, target, mask, seam="alpha")[..., 0].tolist() == [[100, 125], [150, 200]]


def test_poisson_takes_a_level_difference_away_and_alpha_keeps_it():
    target, _ = pictures()
    source = np.clip(target.astype(int) - 40, 0, 255).astype(np.uint8)
    mask = inner_mask(ROUND, np.array([[60.0, 0, 10], [0, 70, 10]]), (slice(0, 90), slice(0, 80)))
    inside = (mask > 0) & (target.min(axis=2) > 41) & (target.max(axis=2) < 255)
    assert blended(source, target, mask, seam="poisson")[inside] == pytest.approx(target[inside], abs=1)
    core = mask == 1
    assert blended(source, target, mask, seam="alpha")[core] == pytest.approx(source[core])


def test_a_pyramid_has_the_fine_detail_of_the_source_and_softer_steps_than_alpha():
    target, source = pictures((128, 128))
    noisy = np.clip(source + np.random.default_rng(1).normal(0, 20, source.shape), 0, 255).astype(np.uint8)
    mask = np.zeros((128, 128), np.float32)
    mask[:, 64:] = 1
    out = {seam: blended(noisy, target, mask, seam=seam).astype(float) for seam in ("alpha", "pyramid")}

    def detail(picture: np.ndarray) -> np.ndarray:
        return picture[20:108, 90:120] - cv2.GaussianBlur(picture, (0, 0), 1.5)[20:108, 90:120]

    assert np.corrcoef(detail(out["pyramid"]).ravel(), detail(noisy.astype(float)).ravel())[0, 1] > 0.99
    step = {
        seam: np.abs(one[:, 66:72].mean(axis=1) - target[:, 58:64].mean(axis=1)).mean()
        for seam, one in out.items()
    }
    assert step["pyramid"] < 0.75 * step["alpha"]
    everywhere = np.ones((128, 128), np.float32)
    assert blended(source, target, everywhere, seam="pyramid") == pytest.approx(source, abs=1)


def test_a_dark_lock_on_the_edge_does_not_blotch_the_face():
    """Poisson with a target whose edge is black along an eighth: the far inside stays at the usual step's level."""
    mask = inner_mask(ROUND, np.array([[60.0, 0, 10], [0, 70, 10]]), (slice(0, 90), slice(0, 80)))
    source, target = np.full((90, 80, 3), 150, np.uint8), np.full((90, 80, 3), 180, np.uint8)
    target[:45, :22] = 10
    out = blended(source, target, mask, seam="poisson")[mask == 1]
    assert np.abs(out.astype(int) - 180).max() <= 4


def test_shares_draw_the_outline_in():
    window = slice(0, 160), slice(0, 150)
    small = inner_mask(ROUND, FACE, window, np.full(48, 0.8, np.float32))
    whole = inner_mask(ROUND, FACE, window)
    assert (small > 0).sum() == pytest.approx(0.64 * (whole > 0).sum(), rel=0.02)
    assert (inner_mask(ROUND, FACE, window, np.ones(48, np.float32)) == whole).all()
