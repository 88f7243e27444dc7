from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.scene import Scene, face_ellipse_mask
from bonaface.attacks.sdsc import MODES, SdscParameters, apply_sdsc, blend_mask, draw_sdsc, sdsc_mask
from bonaface.errors import SimulationError
from bonaface.types import Box

PLAIN = SdscParameters(
    seed=0,
    changes_source=True,
    channels=(0, 1, 2),
    hue=0.0,
    saturation=0.0,
    value=0.0,
    brightness=0.0,
    contrast=1.0,
    downscale=1.0,
    sharpen=0.0,
    sharpen_lightness=0.5,
    resize_x=1.0,
    resize_y=1.0,
    shift_x=0.0,
    shift_y=0.0,
    moves_source=False,
    moves_mask=False,
    mask_sigma_px=0.0,
    small_kernel_first=True,
    ratio=1.0,
)


def everywhere(scene: Scene) -> np.ndarray:
    """A mask that stays 1 in the picture's middle."""
    return np.ones(scene.size, np.float32)


def test_neutral_parameters_change_nothing(face_scene):
    assert (apply_sdsc(face_scene, PLAIN).pixels == face_scene.pixels).all()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("mode", ["minor", "major"])
def test_outside_the_mask_the_target_stands(seed, mode, face_scene):
    drawn = replace(draw_sdsc(np.random.default_rng(seed), mode=mode), changes_source=True)
    weight = blend_mask(face_scene, drawn)
    out = apply_sdsc(face_scene, drawn).pixels
    assert 0 < (weight > 0).mean() < 0.7
    assert (out[weight == 0] == face_scene.pixels[weight == 0]).all()


def test_where_the_mask_is_full_the_shifted_source_stands(face_scene):
    drawn = replace(PLAIN, shift_x=0.02, shift_y=-0.011, moves_source=True)
    out = apply_sdsc(face_scene, drawn, everywhere(face_scene)).pixels
    inner = out[20:180, 20:140]
    height, width = face_scene.size
    dx, dy = int(np.floor(0.02 * width)), int(np.floor(-0.011 * height))
    assert (dx, dy) == (3, -3)
    assert (inner == face_scene.pixels[20 - dy : 180 - dy, 20 - dx : 140 - dx]).all()


def test_blend_is_the_weighted_sum_truncated(face_scene):
    drawn = replace(PLAIN, brightness=0.1, ratio=0.25)
    out = apply_sdsc(face_scene, drawn, everywhere(face_scene)).pixels[30:150, 30:120]
    target = face_scene.pixels[30:150, 30:120].astype(float)
    source = np.floor(np.clip(target + 25.5, 0, 255))
    assert (np.abs(out - np.floor(0.25 * source + 0.75 * target)) <= 1).all()
    swapped = apply_sdsc(face_scene, replace(drawn, changes_source=False), everywhere(face_scene)).pixels
    expected = np.floor(0.25 * target + 0.75 * source)
    assert (np.abs(swapped[30:150, 30:120] - expected) <= 1).all()


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_resizing_keeps_the_middle_and_moves_the_sides(factor):
    pixels = np.zeros((101, 201, 3), np.uint8)
    pixels[:, 99:102] = 255
    pixels[:, 19:22] = 255
    scene = Scene(pixels, Box(50, 20, 110, 80))
    out = apply_sdsc(scene, replace(PLAIN, resize_x=factor), everywhere(scene)).pixels[50, :, 0].astype(float)
    x = np.arange(201)
    middle = (out * x)[80:120].sum() / out[80:120].sum()
    side = (out * x)[10:35].sum() / out[10:35].sum()
    assert middle == pytest.approx(100, abs=1.1)
    assert middle - side == pytest.approx(80 * factor, abs=0.6)


def test_nearest_downscaling_repeats_pixels(face_scene):
    out = apply_sdsc(face_scene, replace(PLAIN, downscale=0.5), everywhere(face_scene)).pixels
    block = out[40:160, 40:120].reshape(60, 2, 40, 2, 3)
    assert (block == block[:, :1, :, :1]).all()


def test_sharpening_a_pixel_worked_by_hand():
    """One pixel of 110 in 100s, weight 0.2, lightness 0.5: middle 0.8 + 0.2 * 8.5 = 2.5; 2.5 * 110 - 1.6 * 100."""
    pixels = np.full((41, 41, 3), 100, np.uint8)
    pixels[20, 20] = 110
    scene = Scene(pixels, Box(10, 10, 30, 30))
    out = apply_sdsc(scene, replace(PLAIN, sharpen=0.2), everywhere(scene)).pixels
    assert out[20, 20].tolist() == [115] * 3
    assert out[20, 21].tolist() == [88] * 3
    assert out[15, 15].tolist() == [90] * 3


def test_channels_are_shuffled(face_scene):
    out = apply_sdsc(face_scene, replace(PLAIN, channels=(2, 0, 1)), everywhere(face_scene)).pixels
    assert (out[60:90, 60:90] == face_scene.pixels[60:90, 60:90][..., [2, 0, 1]]).all()


def test_hue_shift_turns_red_towards_yellow():
    scene = Scene(np.full((40, 40, 3), (200, 40, 40), np.uint8), Box(10, 10, 30, 30))
    out = apply_sdsc(scene, replace(PLAIN, hue=5.0), everywhere(scene)).pixels[20, 20].astype(int)
    assert out[0] == 200
    assert out[1] == pytest.approx(40 + 160 * 10 / 60, abs=2)


def test_mask_and_source_move_together_unless_the_coin_is_asked_for():
    rng = np.random.default_rng(0)
    assert all(p.moves_mask == p.moves_source for p in (draw_sdsc(rng) for _ in range(60)))
    legacy = [draw_sdsc(rng, legacy_mask_coin=True) for _ in range(200)]
    assert 0.35 < np.mean([p.moves_mask != p.moves_source for p in legacy]) < 0.65


def test_the_mask_is_deformed_blurred_and_scaled(face_scene):
    drawn = replace(PLAIN, mask_sigma_px=4.0, ratio=0.5)
    weight = blend_mask(face_scene, drawn)
    assert weight.max() == pytest.approx(0.5, abs=0.01)
    assert weight.min() == 0
    plain = face_ellipse_mask(face_scene)
    moved = float(np.abs((weight > 0.25).astype(int) - (plain > 0.5)).mean())
    assert 0.005 < moved < 0.2
    assert blend_mask(face_scene, replace(drawn, seed=1)).tobytes() != weight.tobytes()


def test_a_mask_of_another_size_is_refused(face_scene):
    with pytest.raises(SimulationError, match=r"the mask must be \(200, 160\)"):
        apply_sdsc(face_scene, PLAIN, np.ones((5, 5), np.float32))


@pytest.mark.parametrize("mode", ["minor", "major"])
def test_draws_stay_in_the_papers_ranges(mode):
    rng = np.random.default_rng(0)
    m = MODES[mode]
    drawn = [draw_sdsc(rng, mode=mode) for _ in range(800)]
    for name, middle, reach in (
        ("hue", 0, m.hue),
        ("saturation", 0, m.saturation),
        ("value", 0, m.value),
        ("brightness", 0, m.tone),
        ("contrast", 1, m.tone),
        ("resize_x", 1, m.geometry),
        ("shift_y", 0, m.geometry),
    ):
        off = [abs(getattr(p, name) - middle) for p in drawn]
        assert 0.9 * reach < max(off) <= reach
    assert {p.ratio for p in drawn} == set(m.ratios)
    assert np.mean([p.downscale < 1 for p in drawn]) == pytest.approx(0.4, abs=0.06)
    assert np.mean([p.sharpen > 0 for p in drawn]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([p.changes_source for p in drawn]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([p.channels != (0, 1, 2) for p in drawn]) == pytest.approx(m.shuffle_p * 5 / 6, abs=0.015)


@pytest.mark.parametrize("seed", range(6))
def test_the_mask_says_where_the_scene_may_change(seed, face_scene):
    drawn = draw_sdsc(np.random.default_rng(seed))
    mask = sdsc_mask(face_scene, drawn)
    attacked = apply_sdsc(face_scene, drawn)
    np.testing.assert_array_equal(attacked.pixels[mask == 0], face_scene.pixels[mask == 0])
    assert (mask == 0).any() == drawn.changes_source
