from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.mosaic import PATTERNS
from bonaface.attacks.replay import ReplayParameters, _grid, _shown, apply_replay, draw_replay
from bonaface.attacks.scene import Scene
from bonaface.attacks.view import View
from bonaface.types import Box

PLAIN = replace(
    draw_replay(np.random.default_rng(0)),
    view=View(),
    gamma=1.0,
    white=(1.0, 1.0, 1.0),
    reflection=0.0,
    exposure_ratio=1.0,
    grid_contrast=0.0,
    row_contrast=0.0,
    subpixel_phase=1 / 3,
    second_harmonic=0.0,
    refresh=0.0,
    glare=0.0,
    blur_px=0.0,
    pattern="",
    is_edge_aware=False,
)
FLAT = Scene(np.full((240, 240, 3), 120, np.uint8), Box(60, 60, 180, 180))


def spectrum(plane: np.ndarray) -> np.ndarray:
    window = np.outer(np.hanning(plane.shape[0]), np.hanning(plane.shape[1]))
    return np.abs(np.fft.fft2((plane - plane.mean()) * window)) ** 2


def test_a_perfect_screen_changes_nothing(face_scene):
    out = apply_replay(face_scene, PLAIN)
    assert np.abs(out.pixels.astype(int) - face_scene.pixels).max() <= 2


@pytest.mark.parametrize(
    ("pitch_px", "alias"),
    [(3.0, 1 / 3), (2.4, 1 / 2.4), (1 / 1.05, 0.05), (1 / 0.9, 0.1), (1 / 2.08, 0.08)],
)
def test_the_grid_appears_at_its_own_frequency_or_where_sampling_folds_it(pitch_px, alias):
    gridded = replace(PLAIN, pitch_px=pitch_px, grid_contrast=0.2)
    for channel in range(3):
        power = spectrum(apply_replay(FLAT, gridded).pixels[..., channel].astype(float))
        column = round(240 * alias)
        assert power[0, column - 1 : column + 2].max() > 0.9 * power.max()


def folded_frequency(cycles: float, sampling: float) -> float:
    """Where samples at `sampling` for each pixel show a wave of so many cycles for each pixel."""
    return abs(cycles - sampling * round(cycles / sampling))


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("pitch_px", [3.0, 2.1, 1 / 0.9, 1 / 1.45, 1 / 2.08])
def test_behind_filters_red_and_blue_fold_at_half_the_sampling(pitch_px, pattern):
    """Red and blue are measured in every second column: 1/3 comes out at 1/6, 1.45 at 0.05."""
    gridded = replace(PLAIN, pitch_px=pitch_px, grid_contrast=0.2, pattern=pattern)
    pixels = apply_replay(FLAT, gridded).pixels.astype(float)
    column = round(240 * folded_frequency(1 / pitch_px, 0.5))
    for channel in (0, 2):
        power = spectrum(pixels[..., channel])
        assert power[0, column - 1 : column + 2].max() > 0.5 * power[0, :120].max()


def test_filters_colour_the_moire_of_a_screen_without_colours_by_pitch_and_distance():
    """A grey grid near half a cycle for each pixel shows coloured bands that follow the pitch and the zoom."""

    def chroma(parameters: ReplayParameters) -> np.ndarray:
        pixels = apply_replay(FLAT, parameters).pixels.astype(float)
        return spectrum(pixels[..., 0] - pixels[..., 2])[0, :120]

    for pitch_px in (2.1, 2.2):
        grey = replace(PLAIN, pitch_px=pitch_px, grid_contrast=0.2, subpixel_phase=0.0)
        bands = round(240 * abs(1 / pitch_px - 0.5))
        plain, filtered = chroma(grey), chroma(replace(grey, pattern="RGGB"))
        assert int(filtered[2:60].argmax()) + 2 == pytest.approx(bands, abs=1)
        assert filtered[bands] > 1000 * max(plain.max(), 1.0)
        near = replace(grey, pattern="RGGB", view=View(zoom=1.05, fills_frame=False))
        closer = round(240 * abs(1 / (1.05 * pitch_px) - 0.5))
        assert int(chroma(near)[2:60].argmax()) + 2 == pytest.approx(closer, abs=1)


def test_filters_change_nothing_where_the_grid_does_not_show(face_scene):
    for is_edge_aware in (False, True):
        smooth = replace(PLAIN, pattern="GRBG", is_edge_aware=is_edge_aware)
        np.testing.assert_array_equal(
            apply_replay(face_scene, smooth).pixels, apply_replay(face_scene, PLAIN).pixels
        )


def test_rows_fold_too_and_a_turned_screen_turns_the_moire():
    rows = replace(PLAIN, pitch_px=1 / 1.05, row_contrast=0.2)
    power = spectrum(apply_replay(FLAT, rows).pixels[..., 0].astype(float))
    assert power[11:14, 0].max() > 0.9 * power.max()
    turned = replace(PLAIN, pitch_px=1.0, grid_contrast=0.2, view=View(rotation_deg=3.0, fills_frame=False))
    power = spectrum(apply_replay(FLAT, turned).pixels[..., 0].astype(float))
    row, column = np.unravel_index(int(power.argmax()), power.shape)
    turn = np.deg2rad(3)
    expected = 240 * np.sin(turn)
    assert min(row, 240 - row) == pytest.approx(expected, abs=1.5)
    assert min(column, 240 - column) == pytest.approx(240 * (1 - np.cos(turn)), abs=1.5)


def test_striped_subpixels_colour_the_moire_and_aligned_ones_do_not():
    def colour(phase: float) -> float:
        gridded = replace(PLAIN, pitch_px=1 / 1.05, grid_contrast=0.15, subpixel_phase=phase)
        pixels = apply_replay(FLAT, gridded).pixels.astype(float)
        return float((pixels[..., 0] - pixels[..., 2]).std())

    assert colour(1 / 3) > 8
    assert colour(0.0) < 0.5


def test_reflections_raise_black_and_glare_brightens_its_place(face_scene):
    dark = np.percentile(face_scene.pixels, 1)
    lifted = apply_replay(face_scene, replace(PLAIN, reflection=0.05)).pixels
    assert np.percentile(lifted, 1) > dark + 20
    glare = replace(
        PLAIN, glare=0.5, glare_x=0.8, glare_y=0.2, glare_radius=0.1, glare_aspect=1.0, glare_hardness=1.0
    )
    pixels = apply_replay(FLAT, glare).pixels.astype(float).mean(axis=2)
    row, column = np.unravel_index(int(pixels.argmax()), pixels.shape)
    assert (column / 240, row / 240) == pytest.approx((0.8, 0.2), abs=0.03)


def test_refresh_bars_lie_across():
    barred = (
        apply_replay(FLAT, replace(PLAIN, refresh=0.1, refresh_period=0.5)).pixels.astype(float).mean(axis=2)
    )
    assert barred.mean(axis=1).std() > 3
    assert barred.mean(axis=0).std() < 0.1
    assert int(np.abs(np.fft.rfft(barred.mean(axis=1) - barred.mean())).argmax()) == 2


def test_white_and_gamma_move_colour_and_tone(face_scene):
    cool = apply_replay(face_scene, replace(PLAIN, white=(0.85, 1.0, 1.15))).pixels.astype(float)
    before = face_scene.pixels.astype(float)
    assert cool[..., 2].mean() / cool[..., 0].mean() > 1.1 * before[..., 2].mean() / before[..., 0].mean()
    assert apply_replay(face_scene, replace(PLAIN, gamma=1.3)).pixels.std() > face_scene.pixels.std()


def test_bezel_and_room_show_when_the_frame_is_not_filled(face_scene):
    view = View(zoom=0.8, fills_frame=False)
    seen = replace(PLAIN, view=view, bezel=0.05, bezel_code=0.05, room=(0.5, 0.6, 0.7))
    out = apply_replay(face_scene, seen)
    height, width = face_scene.size
    bezel, room = out.pixels[int(height * 0.9) + 4, width // 2], out.pixels[-3, width // 2]
    assert bezel.max() < 40 < room.min()
    assert out.face.side == pytest.approx(0.8 * face_scene.face.side, rel=0.01)


def test_draws_run_from_strong_moire_to_almost_none():
    rng = np.random.default_rng(0)
    drawn = [draw_replay(rng) for _ in range(400)]
    contrast = np.array([p.grid_contrast for p in drawn])
    near = np.array(
        [abs(1 / p.pitch_px - round(1 / p.pitch_px)) < 0.2 and 1 / p.pitch_px > 0.7 for p in drawn]
    )
    assert (near & (contrast > 0.15)).mean() > 0.07
    assert (contrast < 0.03).mean() > 0.1
    assert {p.pattern for p in drawn} == {"", *PATTERNS}


def test_panels_of_diamonds_have_red_and_blue_in_every_second_place():
    """Of a grey picture at 4 pixels a place, green repeats every 4 pixels and red only every 8."""
    rng = np.random.default_rng(2)
    p = replace(
        draw_replay(rng, variant="oled"),
        pitch_px=4.0, grid_contrast=0.2, row_contrast=0.0, refresh=0.0, pattern="", second_harmonic=0.0,
    )  # fmt: skip
    assert p.is_diamond
    y, x = np.mgrid[:64, :64].astype(np.float32)
    light = _grid((x, y), 64, p)
    power = np.abs(np.fft.fft(light[0], axis=0)) ** 2
    red, green = power[1:32, 0], power[1:32, 1]
    assert int(green.argmax()) + 1 == 64 // 4
    assert int(red.argmax()) + 1 == 64 // 8


def test_a_video_loses_detail_and_a_still_picture_does_not(face_scene):
    """Coded coarsely and small, fine noise is gone before the screen shows it."""
    p = draw_replay(np.random.default_rng(5), variant="video")
    assert p.video_step > 0 and p.video_ratio < 1
    noisy = np.random.default_rng(0).integers(0, 255, (96, 96, 3)).astype(np.uint8)
    shown = _shown(noisy, p)
    assert shown.shape == noisy.shape
    assert shown.std() < 0.7 * noisy.std()
    assert _shown(noisy, replace(p, video_step=0.0)) is noisy
    assert draw_replay(np.random.default_rng(5), variant="clean").video_step == 0
