from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.fingers import Fingers
from bonaface.attacks.folds import Folds
from bonaface.attacks.print import INK_ANGLES_DEG, PrintParameters, _texture, apply_print, draw_print
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_from_json, parameters_to_json
from bonaface.attacks.view import View
from bonaface.types import Box

PLAIN = replace(
    draw_print(np.random.default_rng(0)),
    view=View(),
    black=0.0,
    paper=(1.0, 1.0, 1.0),
    saturation=1.0,
    gamma=1.0,
    cast=(1.0, 1.0, 1.0),
    exposure_ratio=1.0,
    dot_contrast=0.0,
    screen_deg=0.0,
    speckle=0.0,
    banding=0.0,
    paper_grain=0.0,
    mottle=0.0,
    light_slope=0.0,
    gloss=0.0,
    blur_px=0.0,
    trim=(0.0, 0.0, 0.0, 0.0),
    folds=Folds(),
    fingers=Fingers(),
)


def saturation(pixels: np.ndarray) -> float:
    return float(cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV)[..., 1].mean())


def test_a_perfect_printer_changes_nothing(face_scene):
    out = apply_print(face_scene, PLAIN)
    assert np.abs(out.pixels.astype(int) - face_scene.pixels).max() <= 2
    assert out.face.center == pytest.approx(face_scene.face.center)


@pytest.mark.parametrize("pitch_px", [2.3, 3.1, 4.4])
def test_halftone_puts_energy_at_its_pitch_and_angles(pitch_px):
    scene = Scene(np.full((256, 256, 3), 128, np.uint8), Box(60, 60, 190, 190))
    dotted = replace(PLAIN, dot_contrast=0.1, dot_pitch_px=pitch_px, black_share=0.5)
    grey = apply_print(scene, dotted).pixels.astype(float).mean(axis=2)
    power = np.abs(np.fft.fft2((grey - grey.mean()) * np.outer(np.hanning(256), np.hanning(256)))) ** 2
    for angle in np.deg2rad(INK_ANGLES_DEG):
        column = round(256 * np.cos(angle) / pitch_px)
        row = round(256 * np.sin(angle) / pitch_px)
        peak = max(power[(row + i) % 256, (column + j) % 256] for i in (-1, 0, 1) for j in (-1, 0, 1))
        assert peak > 1000 * np.median(power)
    assert grey.mean() == pytest.approx(128, abs=2)


def test_print_lowers_saturation_and_raises_black(face_scene):
    rng = np.random.default_rng(3)
    drawn = [replace(draw_print(rng), cast=(1.0, 1.0, 1.0)) for _ in range(30)]
    printed = [apply_print(face_scene, p).pixels for p in drawn if p.view.fills_frame]
    assert np.median([saturation(p) for p in printed]) < 0.85 * saturation(face_scene.pixels)
    before = np.percentile(face_scene.pixels, 1)
    assert np.median([np.percentile(p, 1) for p in printed]) > before + 8


def test_saturation_alone_keeps_grey_alone(face_scene):
    faded = apply_print(face_scene, replace(PLAIN, saturation=0.5)).pixels
    grey = [
        cv2.cvtColor(np.ascontiguousarray(p), cv2.COLOR_RGB2GRAY).astype(int)
        for p in (faded, face_scene.pixels)
    ]
    assert np.abs(grey[0] - grey[1]).mean() < 3
    assert saturation(faded) < 0.7 * saturation(face_scene.pixels)


@pytest.mark.parametrize("is_vertical", [True, False])
def test_banding_runs_one_way(is_vertical):
    scene = Scene(np.full((120, 120, 3), 128, np.uint8), Box(30, 30, 90, 90))
    banded = replace(PLAIN, banding=0.02, banding_is_vertical=is_vertical)
    grey = apply_print(scene, banded).pixels.astype(float).mean(axis=2)
    along, across = (grey.mean(axis=0).std(), grey.mean(axis=1).std())[:: 1 if is_vertical else -1]
    assert along > 0.5
    assert across < 0.1


@pytest.mark.parametrize("trace", [{"speckle": 0.03}, {"paper_grain": 0.03}])
def test_grain_and_droplets_roughen_a_flat_picture(trace):
    scene = Scene(np.full((90, 90, 3), 128, np.uint8), Box(30, 30, 60, 60))
    assert apply_print(scene, replace(PLAIN, **trace)).pixels.std() > 1.5


def test_droplets_differ_between_inks_and_texture_does_not():
    scene = Scene(np.full((90, 90, 3), 128, np.uint8), Box(30, 30, 60, 60))

    def colour_noise(parameters: PrintParameters) -> float:
        pixels = apply_print(scene, parameters).pixels.astype(float)
        return float((pixels[..., 0] - pixels[..., 1]).std())

    assert colour_noise(replace(PLAIN, speckle=0.03)) > 3
    assert colour_noise(replace(PLAIN, paper_grain=0.03)) < 1


def test_droplets_of_one_ink_are_not_anothers_moved():
    """The correlation at every shift at once, by the Fourier transform."""
    scene = Scene(np.full((128, 128, 3), 128, np.uint8), Box(40, 40, 90, 90))
    pixels = apply_print(scene, replace(PLAIN, speckle=0.05)).pixels.astype(float)
    red, green, blue = (
        np.fft.fft2(plane - plane.mean()) / plane.std() for plane in np.moveaxis(pixels, 2, 0)
    )
    for one, other in ((red, green), (red, blue), (green, blue)):
        assert np.abs(np.fft.ifft2(one * other.conj()).real / one.size).max() < 0.1


def test_blur_softens_and_gloss_brightens(face_scene):
    def detail(pixels: np.ndarray) -> float:
        return float(cv2.Laplacian(pixels, cv2.CV_32F).std())

    sharp = apply_print(face_scene, PLAIN).pixels
    assert detail(apply_print(face_scene, replace(PLAIN, blur_px=1.0)).pixels) < 0.5 * detail(sharp)
    glossy = replace(PLAIN, gloss=0.4, gloss_x=0.0, gloss_y=0.0, gloss_radius=0.3)
    corner, far = (
        apply_print(face_scene, glossy).pixels[s, s].mean() for s in (slice(10, 40), slice(-40, -1))
    )
    assert corner / sharp[10:40, 10:40].mean() > 1.2 * far / sharp[-40:, -40:].mean()


def test_the_sheet_and_the_desk_show_when_the_frame_is_not_filled(face_scene):
    view = View(zoom=0.8, fills_frame=False)
    seen = replace(PLAIN, view=view, margin=0.05, desk=(0.2, 0.3, 0.4))
    out = apply_print(face_scene, seen)
    height, width = face_scene.size
    top = int(height * 0.1)
    paper = out.pixels[top - 5, width // 2].astype(int)
    desk = out.pixels[2, width // 2].astype(int)
    assert paper.min() > desk.max()
    assert desk[0] < desk[1] < desk[2]
    assert out.face.side == pytest.approx(0.8 * face_scene.face.side, rel=0.01)


def test_draws_cover_dots_droplets_and_neither():
    rng = np.random.default_rng(0)
    drawn = [draw_print(rng) for _ in range(400)]
    assert 0.3 < np.mean([p.dot_contrast == 0 and p.speckle > 0 for p in drawn]) + 0.1 < 0.6
    assert 0.15 < np.mean([p.dot_contrast == 0 and p.speckle == 0 for p in drawn]) < 0.4
    assert 0.15 < np.mean([not p.view.fills_frame for p in drawn]) < 0.35
    assert 0.15 < np.mean([len(p.folds.wear) > 0 for p in drawn]) < 0.35
    assert 0.05 < np.mean([len(p.fingers.edges) > 0 for p in drawn]) < 0.25
    assert all(not p.fingers.edges and not any(p.trim) for p in drawn if p.view.fills_frame)


def test_a_trimmed_sheet_shows_paper_and_desk_up_to_the_face_but_not_over_it(face_scene):
    view = View(fills_frame=False)
    bare = replace(PLAIN, view=view, margin=0.0, desk=(0.1, 0.2, 0.3))
    bordered = replace(bare, margin=0.05, trim=(1.0, 0.0, 0.0, 0.0))
    out, before = apply_print(face_scene, bordered).pixels.astype(int), face_scene.pixels
    left = int(face_scene.face.squared(0.12).x1)
    paper, desk = out[100, left - 4], out[100, left - 20]
    assert paper.min() > 200
    assert desk[0] < desk[1] < desk[2] < 120
    assert np.abs(out[60:140, left + 3 : 120] - before[60:140, left + 3 : 120]).max() <= 3
    assert np.abs(apply_print(face_scene, bare).pixels.astype(int) - before)[5:-5, 5:-5].max() <= 3


def test_a_fold_loses_ink_and_shades_its_sides():
    scene = Scene(np.full((200, 200, 3), 60, np.uint8), Box(130, 130, 190, 190))
    fold = Folds((0.0,), (0.0,), (10.0,), (0.2,), (0.8,), (1.0,))
    grey = apply_print(scene, replace(PLAIN, light_deg=0.0, folds=fold)).pixels.astype(float).mean(axis=2)
    columns = grey.mean(axis=0)
    assert columns[99:101].mean() > 1.5 * columns[50]
    assert columns[110] / columns[90] == pytest.approx((1.164 / 0.836) ** 0.5, abs=0.03)


def test_fingers_hold_a_sheet_whose_edge_is_seen(face_scene):
    view = View(zoom=0.8, fills_frame=False)
    thumb = Fingers(("left",), (0.6,), (0.0,), (0.3,), (0.0,), (0.15,), skin=(0.8, 0.5, 0.4))
    free, grasped = (replace(PLAIN, view=view, fingers=fingers) for fingers in (Fingers(), thumb))
    one, two = (apply_print(face_scene, p) for p in (free, grasped))
    changed = (one.pixels != two.pixels).any(axis=2)
    assert 0.01 < changed.mean() < 0.15
    assert two.face == one.face
    middle = face_scene.face.squared(-0.2)
    assert not changed[int(middle.y1) : int(middle.y2), int(middle.x1) : int(middle.x2)].any()
    drawn = next(
        p
        for p in (draw_print(np.random.default_rng(s)) for s in range(99))
        if p.fingers.edges and p.folds.wear
    )
    restored = parameters_from_json("print", json.loads(json.dumps(parameters_to_json(drawn))))
    assert restored == drawn


@pytest.mark.parametrize("seed", range(30))
def test_odd_scenes_are_printed_too(seed, odd_scenes):
    for scene in odd_scenes.values():
        drawn = draw_print(np.random.default_rng(seed), strength=1.5)
        assert apply_print(scene, drawn).pixels.shape == scene.pixels.shape


def test_a_copy_is_grey_and_a_canvas_has_threads():
    copy = draw_print(np.random.default_rng(0), variant="copier")
    assert copy.saturation == 0
    assert copy.black_share == 1
    assert copy.weave == 0
    drawn = draw_print(np.random.default_rng(0), variant="canvas")
    assert drawn.weave > 0
    assert drawn.dot_contrast == drawn.speckle == 0
    flat = replace(
        drawn, paper_grain=0.0, mottle=0.0, banding=0.0, weave=0.08, weave_pitch_px=4.0, screen_deg=0.0
    )
    texture = _texture(np.random.default_rng(0), 64, 64, flat)
    power = np.abs(np.fft.rfft(texture.mean(axis=0)))
    assert int(power[1:].argmax()) + 1 == 64 // 4
    assert texture.mean() == pytest.approx(1, abs=0.01)
