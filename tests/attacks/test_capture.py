from __future__ import annotations

from dataclasses import asdict, replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.capture import CLEAN, CaptureParameters, apply_capture, draw_capture
from bonaface.attacks.mosaic import PATTERNS
from bonaface.attacks.scene import Scene
from bonaface.types import Box

ADDED = ("haze", "grain", "grain_px", "pattern", "is_edge_aware")
"""Parameters that rows made before them do not have."""

FLAT = Scene(np.full((120, 100, 3), 120, np.uint8), Box(20, 20, 80, 80))


def detail(pixels: np.ndarray) -> float:
    return float(cv2.Laplacian(np.ascontiguousarray(pixels), cv2.CV_32F).std())


def test_the_clean_capture_copies(face_scene):
    out = apply_capture(face_scene, CLEAN)
    assert (out.pixels == face_scene.pixels).all()
    assert out.pixels is not face_scene.pixels
    assert out.face == face_scene.face


@pytest.mark.parametrize("seed", range(12))
def test_same_generator_same_bytes(seed, face_scene):
    before = face_scene.pixels.tobytes()
    one, two = (apply_capture(face_scene, draw_capture(np.random.default_rng(seed))) for _ in range(2))
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert face_scene.pixels.tobytes() == before


def test_exposure_gamma_and_white_balance_worked_by_hand():
    """120 / 255 = 0.470588; squared 0.221453; times 1.5 is 0.332180, 84.7; red 1.1 times that is 93.2."""
    out = apply_capture(FLAT, replace(CLEAN, exposure=1.5, gamma=2.0, white_balance=(1.1, 1.0, 0.9))).pixels
    assert out[0, 0].tolist() == [93, 85, 76]


def test_haze_lifts_black_and_keeps_white():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    out = apply_capture(Scene(ramp, Box(20, 0, 40, 1)), replace(CLEAN, haze=0.1)).pixels[0, :, 0]
    assert out[[0, 128, 255]].tolist() == [26, 141, 255]  # 0.1 * 255 + 0.9 * 128 = 140.7


def test_what_clips_is_white_under_haze_too():
    light = Scene(np.full((4, 4, 3), 200, np.uint8), Box(0, 0, 4, 4))
    out = apply_capture(light, replace(CLEAN, exposure=1.5, white_balance=(1.1, 1.0, 0.9), haze=0.1)).pixels
    assert out[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("level", [30, 128, 220])
def test_grain_has_no_colour_and_shows_most_at_middle_grey(level):
    flat = Scene(np.full((120, 120, 3), level, np.uint8), Box(20, 20, 80, 80))
    out = apply_capture(flat, replace(CLEAN, grain=0.04)).pixels.astype(float)
    share = level / 255
    assert out[..., 0].std() == pytest.approx(255 * 0.04 * 2 * np.sqrt(share * (1 - share)), rel=0.1)
    np.testing.assert_array_equal(out[..., 0], out[..., 2])


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_mosaic_softens_edges_and_colours_them(pattern, face_scene):
    stripes = np.full((64, 64, 3), 60, np.uint8)
    stripes[:, ::2] = 180
    scene = Scene(stripes, Box(10, 10, 50, 50))
    out = apply_capture(scene, replace(CLEAN, pattern=pattern)).pixels.astype(float)
    assert np.abs(out[..., 0] - out[..., 2]).mean() > 30
    flat = apply_capture(FLAT, replace(CLEAN, pattern=pattern))
    np.testing.assert_array_equal(flat.pixels, FLAT.pixels)
    assert detail(apply_capture(face_scene, replace(CLEAN, pattern=pattern)).pixels) < detail(
        face_scene.pixels
    )


@pytest.mark.parametrize("is_edge_aware", [False, True])
def test_noise_behind_filters_is_coloured_and_neighbours_share_it(is_edge_aware):
    """Linearly: red is its own pixel, the mean of 2, of 2 and of 4: the mean variance is (1 + 1/2 + 1/2 + 1/4) / 4."""
    camera = replace(CLEAN, read_noise=0.03, pattern="RGGB", is_edge_aware=is_edge_aware)
    noise = apply_capture(FLAT, camera).pixels.astype(float) - 120
    red = noise[..., 0]
    assert np.corrcoef(red[:, 1:].ravel(), red[:, :-1].ravel())[0, 1] > 0.2
    assert np.corrcoef(red.ravel(), noise[..., 2].ravel())[0, 1] < 0.75
    if not is_edge_aware:
        assert red.std() == pytest.approx(255 * 0.03 * np.sqrt(2.25 / 4), rel=0.05)
        assert np.corrcoef(red.ravel(), noise[..., 2].ravel())[0, 1] < 0.1


def test_a_row_from_before_mosaics_restores(face_scene):
    drawn = asdict(replace(CLEAN, read_noise=0.02, seed=4))
    old = {key: value for key, value in drawn.items() if key not in ADDED}
    assert len(old) == len(drawn) - len(ADDED)
    assert CaptureParameters(**old) == CaptureParameters(**drawn)


@pytest.mark.parametrize(
    "soft",
    [{"defocus_px": 1.2}, {"motion_px": 4.0}, {"resolution": 0.5}, {"resolution": 0.5, "is_area": False}],
)
def test_lens_motion_and_resolution_lose_detail(soft, face_scene):
    assert detail(apply_capture(face_scene, replace(CLEAN, **soft)).pixels) < 0.7 * detail(face_scene.pixels)


def test_motion_blurs_along_its_direction(face_scene):
    def rows_over_columns(degrees: float) -> float:
        out = apply_capture(face_scene, replace(CLEAN, motion_px=5.0, motion_deg=degrees)).pixels.astype(
            float
        )[20:]
        return float(np.diff(out, axis=0).std() / np.diff(out, axis=1).std())

    assert rows_over_columns(0) > 1.5
    assert rows_over_columns(90) < 0.7
    centred = np.zeros((41, 41, 3), np.uint8)
    centred[20, 20] = 255
    out = apply_capture(
        Scene(centred, Box(5, 5, 30, 30)), replace(CLEAN, motion_px=4.0, motion_deg=30)
    ).pixels
    weight = out[..., 0].astype(float)
    assert (weight * np.arange(41)).sum() / weight.sum() == pytest.approx(20, abs=0.1)


def test_noise_is_as_deep_as_asked_and_grows_with_light():
    fixed = apply_capture(FLAT, replace(CLEAN, read_noise=0.02, colour_noise=0.5)).pixels.astype(float)
    assert fixed.std() == pytest.approx(0.02 * 255, rel=0.1)
    assert fixed.mean() == pytest.approx(120, abs=0.3)
    dark, light = (
        apply_capture(
            Scene(np.full((90, 90, 3), level, np.uint8), FLAT.face), replace(CLEAN, shot_noise=0.03)
        ).pixels.std()
        for level in (40, 160)
    )
    assert light / dark == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.97, 1.01), (1.0, -0.1, 0.1)])
def test_channels_share_their_noise_as_asked(share, low, high):
    out = apply_capture(FLAT, replace(CLEAN, read_noise=0.03, colour_noise=share)).pixels.astype(float)
    for other in (1, 2):
        assert low < np.corrcoef(out[..., 0].ravel(), out[..., other].ravel())[0, 1] < high


def test_sharpening_adds_detail_and_lower_quality_differs_more(face_scene):
    assert detail(apply_capture(face_scene, replace(CLEAN, sharpen=0.8)).pixels) > 1.2 * detail(
        face_scene.pixels
    )

    def loss(quality: int) -> float:
        out = apply_capture(face_scene, replace(CLEAN, jpeg_qualities=(quality,))).pixels
        return float(np.abs(out.astype(int) - face_scene.pixels).mean())

    assert loss(30) > loss(70) > loss(98) > 0


def test_half_chroma_smears_colour_only():
    pixels = np.full((64, 64, 3), 128, np.uint8)
    pixels[:, ::2] = (160, 110, 120)
    scene = Scene(pixels, Box(10, 10, 50, 50))

    def colour(is_halved: bool) -> float:
        stored = replace(CLEAN, jpeg_qualities=(95,), is_chroma_halved=is_halved)
        out = apply_capture(scene, stored).pixels.astype(float)
        return float((out[..., 0] - out[..., 1]).std())

    assert colour(True) < 0.3 * colour(False)


def test_draws_include_clean_plain_and_twice_stored():
    rng = np.random.default_rng(0)
    drawn = [draw_capture(rng) for _ in range(600)]
    assert 0.06 < np.mean([p == CLEAN for p in drawn]) < 0.14
    rounds = [len(p.jpeg_qualities) for p in drawn]
    assert 0.1 < np.mean(np.array(rounds) == 2) < 0.35
    assert 0.1 < np.mean(np.array(rounds) == 0) < 0.35
    qualities = [q for p in drawn for q in p.jpeg_qualities]
    assert 30 <= min(qualities) <= 34
    assert 94 <= max(qualities) <= 98
    assert 0.4 < np.mean([p.pattern != "" for p in drawn]) < 0.65
    assert 0.12 < np.mean([p.haze > 0 for p in drawn]) < 0.25
    assert max(p.sharpen for p in drawn) == pytest.approx(1.6, abs=0.1)
    assert np.std([np.log(p.exposure) for p in drawn if p.exposure != 1]) == pytest.approx(0.25, abs=0.03)
    assert all(draw_capture(np.random.default_rng(s), strength=1e-9).pattern == "" for s in range(60))
