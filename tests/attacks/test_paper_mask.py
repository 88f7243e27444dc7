from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.paper_mask import (
    CAMERA,
    VARIANTS,
    apply_paper_mask,
    draw_paper_mask,
    paper_mask_mask,
)
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_to_json
from bonaface.attacks.view import View
from bonaface.errors import SimulationError
from bonaface.types import Box

from .couple import aligned, likeness, portraits

DRAWN = draw_paper_mask(np.random.default_rng(0), variant="flat")
PLAIN = replace(
    DRAWN,
    sheet=replace(
        DRAWN.sheet,
        black=0.0,
        paper=(1.0, 1.0, 1.0),
        saturation=1.0,
        gamma=1.0,
        cast=(1.0, 1.0, 1.0),
        exposure_ratio=1.0,
        dot_contrast=0.0,
        speckle=0.0,
        banding=0.0,
        paper_grain=0.0,
        mottle=0.0,
        light_slope=0.0,
        light_deg=0.0,
        gloss=0.0,
        blur_px=0.0,
    ),
    half_width=0.45,
    half_height=0.6,
    rise=0.05,
    taper=0.0,
    snips=60,
    wobble=0.0,
    eye_width=0.0,
    scale=1.0,
    turn_deg=0.0,
    shift_x=0.0,
    shift_y=0.0,
    shade=0.0,
    edge=replace(DRAWN.edge, core_opacity=0.0, relief=0.0, shadow=0.0, shadow_reach=0.0, shadow_softness=0.0),
)
LANDMARKS = np.array([[62, 90], [100, 90], [80, 105], [66, 122], [96, 122]], np.float32)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_outside_the_mask_every_byte_stays(variant, seed, face_scene):
    before = face_scene.pixels.tobytes()
    drawn = [draw_paper_mask(np.random.default_rng(seed), variant=variant) for _ in range(2)]
    mask = paper_mask_mask(face_scene, drawn[0], face_scene)
    one, two = (apply_paper_mask(face_scene, p, face_scene) for p in drawn)
    assert drawn[0] == drawn[1]
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert face_scene.pixels.tobytes() == before
    assert 0.05 < (mask > 0).mean() < 0.6
    assert 0 <= mask.min() <= mask.max() <= 1
    assert (one.pixels[mask == 0] == face_scene.pixels[mask == 0]).all()
    assert (one.pixels[mask > 0.9] != face_scene.pixels[mask > 0.9]).mean() > 0.5


@pytest.mark.parametrize("strength", [0.2, 1.5])
@pytest.mark.parametrize("variant", VARIANTS)
def test_odd_scenes_give_pictures_of_their_own_size(variant, strength, odd_scenes):
    rng = np.random.default_rng(3)
    for scene in odd_scenes.values():
        for _ in range(3):
            p = draw_paper_mask(rng, strength=strength, variant=variant)
            out, mask = apply_paper_mask(scene, p, scene), paper_mask_mask(scene, p, scene)
            assert out.pixels.shape == scene.pixels.shape
            assert out.pixels.dtype == np.uint8
            assert np.isfinite([out.face.x1, out.face.y1, out.face.side]).all()
            assert (out.pixels[mask == 0] == scene.pixels[mask == 0]).all()


def test_parameters_are_plain_and_variants_known():
    drawn = draw_paper_mask(np.random.default_rng(1))
    plain = parameters_to_json(drawn)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert drawn.sheet.view == View()
    rng = np.random.default_rng(0)
    assert {draw_paper_mask(rng).variant for _ in range(60)} == set(VARIANTS)
    with pytest.raises(
        SimulationError, match=r"a variant of paper_mask must be one of flat, .* mean 'folded'"
    ):
        draw_paper_mask(rng, variant="fold")


def test_each_variant_is_shaped_by_its_own_numbers():
    for seed in range(20):
        drawn = {v: draw_paper_mask(np.random.default_rng(seed), variant=v) for v in VARIANTS}
        assert {v for v, p in drawn.items() if p.bend > 0} == {"curved", "half"}
        assert {v for v, p in drawn.items() if p.fold_deg > 0} == {"folded"}
        assert {v for v, p in drawn.items() if p.top > -1 or p.bottom < 1} == {"half"}
        assert drawn["flat"].edge.shadow_reach == 2 * drawn["curved"].edge.shadow_reach


def test_a_perfect_print_that_fits_changes_nothing(face_scene):
    out = apply_paper_mask(face_scene, PLAIN, face_scene)
    assert np.abs(out.pixels.astype(int) - face_scene.pixels).max() <= 2
    assert out.face.center == pytest.approx(face_scene.face.center)
    assert out.face.side == pytest.approx(face_scene.face.side)


def test_the_outline_has_its_size(face_scene):
    mask = paper_mask_mask(face_scene, PLAIN, face_scene)
    side = face_scene.face.side
    assert mask.sum() == pytest.approx(np.pi * 0.45 * 0.6 * side**2, rel=0.02)
    assert (mask > 0.5).any(axis=0).sum() == pytest.approx(0.9 * side, abs=1.1)
    assert (mask > 0.5).any(axis=1).sum() == pytest.approx(1.2 * side, abs=1.1)


def test_bent_round_a_cylinder_the_sheet_is_seen_narrower(face_scene):
    mask = paper_mask_mask(face_scene, replace(PLAIN, bend=1.6), face_scene)
    side = face_scene.face.side
    assert (mask > 0.5).any(axis=0).sum() == pytest.approx(2 * np.sin(0.45 * 1.6) / 1.6 * side, abs=1.5)


def test_folded_halves_are_seen_narrower_by_the_cosine(face_scene):
    mask = paper_mask_mask(face_scene, replace(PLAIN, fold_deg=30.0), face_scene)
    side = face_scene.face.side
    assert (mask > 0.5).any(axis=0).sum() == pytest.approx(0.9 * np.cos(np.deg2rad(30)) * side, abs=1.5)


@pytest.mark.parametrize("shape", [{}, {"bend": 1.6}, {"fold_deg": 25.0}])
def test_a_printed_spot_is_seen_where_the_geometry_says(shape):
    """A spot 0.3 of the side to the right and 0.2 down: its place is worked out here from circle and triangle."""
    side, center = 100.0, (90.0, 95.0)
    middle_y = center[1] - 0.5 * side + 0.4865 * side
    y, x = np.mgrid[:200, :180]
    spot = np.hypot(x - center[0] - 30, y - middle_y - 20) < 4
    pixels = np.full((200, 180, 3), 90, np.uint8)
    pixels[spot] = 220
    scene = Scene(pixels, Box(center[0] - 50, center[1] - 50, center[0] + 50, center[1] + 50))
    worn = replace(PLAIN, shift_x=-0.05, scale=0.9, **shape)
    out, paper = (
        apply_paper_mask(scene, worn, scene).pixels[..., 0],
        paper_mask_mask(scene, worn, scene) > 0.99,
    )
    if "bend" in shape:
        across, depth = np.sin(0.3 * 1.6) / 1.6, (1 - np.cos(0.3 * 1.6)) / 1.6
    elif "fold_deg" in shape:
        across, depth = 0.3 * np.cos(np.deg2rad(25)), 0.3 * np.sin(np.deg2rad(25))
    else:
        across, depth = 0.3, 0.0
    weight = paper * np.clip(out.astype(float) - 150, 0, None)
    seen = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
    wanted = center[0] - 5 + 90 * across, middle_y + 90 * 0.2 / (1 + depth / CAMERA)
    assert seen == pytest.approx(wanted, abs=0.4)


def test_box_and_landmarks_follow_the_paper(face_scene):
    scene = replace(face_scene, landmarks=LANDMARKS)
    moved = apply_paper_mask(scene, replace(PLAIN, shift_x=0.05, scale=0.9), scene)
    step = 0.05 * scene.face.side
    assert moved.face.side == pytest.approx(0.9 * scene.face.side)
    assert moved.landmarks is not None
    middle = (LANDMARKS[:2].mean(axis=0) + LANDMARKS[3:].mean(axis=0)) / 2
    wanted = middle + (step, 0) + 0.9 * (LANDMARKS - middle)
    assert moved.landmarks == pytest.approx(wanted, abs=1e-3)
    assert apply_paper_mask(face_scene, PLAIN, face_scene).landmarks is None


def test_landmarks_that_no_paper_covers_stay(face_scene):
    scene = replace(face_scene, landmarks=LANDMARKS)
    lower = apply_paper_mask(scene, replace(PLAIN, shift_x=0.05, top=0.0), scene).landmarks
    holed = apply_paper_mask(
        scene, replace(PLAIN, shift_x=0.05, eye_width=0.15, eye_height=0.1), scene
    ).landmarks
    for moved in (lower, holed):
        assert (moved[:2] == LANDMARKS[:2]).all()
        assert (moved[3:] != LANDMARKS[3:]).any(axis=1).all()


def test_half_a_mask_covers_half_a_face(face_scene):
    whole, lower, upper = (
        paper_mask_mask(face_scene, replace(PLAIN, **cut), face_scene)
        for cut in ({}, {"top": 0.0}, {"bottom": 0.0})
    )
    middle = round(face_scene.face.y1 + 0.4865 * face_scene.face.side)
    assert lower[: middle - 1].max() == 0
    assert upper[middle + 2 :].max() == 0
    assert (lower + upper).sum() == pytest.approx(whole.sum(), rel=0.02)


def test_through_eye_holes_the_wearer_is_seen(face_scene):
    drawn = replace(PLAIN, sheet=replace(PLAIN.sheet, gamma=2.0), eye_width=0.12, eye_height=0.08)
    mask, out = (
        paper_mask_mask(face_scene, drawn, face_scene),
        apply_paper_mask(face_scene, drawn, face_scene).pixels,
    )
    for x in (-0.222, 0.222):
        column = round(face_scene.face.center[0] + x * face_scene.face.side)
        row = round(face_scene.face.y1 + 0.268 * face_scene.face.side)
        assert mask[row, column] == 0
        assert (out[row, column] == face_scene.pixels[row, column]).all()
    assert mask[round(face_scene.face.center[1]), round(face_scene.face.center[0])] == 1


@pytest.mark.parametrize(("light_deg", "sign"), [(0.0, 1), (180.0, -1)])
@pytest.mark.parametrize("shape", [{"fold_deg": 25.0}, {"bend": 1.6}])
def test_the_side_that_faces_the_light_is_brighter(shape, light_deg, sign):
    scene = Scene(np.full((160, 160, 3), 128, np.uint8), Box(40, 40, 120, 120))
    sheet = replace(PLAIN.sheet, light_deg=light_deg)
    out = (
        apply_paper_mask(scene, replace(PLAIN, sheet=sheet, shade=0.8, **shape), scene)
        .pixels[..., 0]
        .astype(float)
    )
    left, right = out[80, 55:65].mean(), out[80, 95:105].mean()
    assert sign * (right - left) > 10


def test_a_fold_is_a_step_and_a_bend_is_not():
    scene = Scene(np.full((160, 160, 3), 128, np.uint8), Box(40, 40, 120, 120))

    def step(shape: dict[str, float]) -> float:
        out = apply_paper_mask(scene, replace(PLAIN, shade=0.8, **shape), scene).pixels[80, 60:100, 0]
        return float(np.abs(np.diff(cv2.blur(out.astype(np.float32), (1, 3)).ravel())).max())

    assert step({"fold_deg": 25.0}) > 4 * step({"bend": 1.6})


def test_more_strength_changes_more(face_scene):
    def change(strength: float) -> float:
        rng = np.random.default_rng(1)
        worn = [
            apply_paper_mask(face_scene, draw_paper_mask(rng, strength=strength), face_scene)
            for _ in range(16)
        ]
        return float(np.mean([np.abs(w.pixels.astype(int) - face_scene.pixels).mean() for w in worn]))

    assert 1.5 * change(0.25) < change(1.5)  # what is printed has another tone at any strength


def test_a_face_outside_the_picture_changes_nothing(face_scene):
    away = Scene(face_scene.pixels, Box(900, 900, 990, 990), LANDMARKS + 850)
    out = apply_paper_mask(away, DRAWN, away)
    assert (out.pixels == away.pixels).all()
    assert out.pixels is not away.pixels
    assert paper_mask_mask(away, DRAWN, away).max() == 0


def test_the_partner_is_on_the_paper_and_the_wearer_about_it():
    """The face is cut out anew from three points set by eye and correlated with both people's."""
    for scene, partner in (portraits(), portraits()[::-1]):
        out = apply_paper_mask(scene, PLAIN, partner)
        got, own, other = (aligned(one, one.landmarks) for one in (out, scene, partner))
        assert likeness(got, other) > 0.75 > 0.6 > likeness(got, own)
        outside = paper_mask_mask(scene, PLAIN, partner) == 0
        assert (out.pixels[outside] == scene.pixels[outside]).all()


def test_the_papers_tone_is_the_wearers(face_scene):
    rows, columns = slice(80, 120), slice(60, 100)
    for factor in (0.4, 1.2):
        partner = replace(face_scene, pixels=np.clip(face_scene.pixels * factor, 0, 255).astype(np.uint8))
        out = apply_paper_mask(face_scene, PLAIN, partner).pixels[rows, columns]
        assert out.mean() == pytest.approx(face_scene.pixels[rows, columns].mean(), rel=0.03)


def test_on_a_grey_picture_the_paper_is_grey(odd_scenes, face_scene):
    out = apply_paper_mask(odd_scenes["grey"], PLAIN, face_scene).pixels.astype(int)
    assert np.ptp(out, axis=2).max() <= 2
