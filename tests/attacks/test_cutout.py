from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.cutout import VARIANTS, CutoutParameters, apply_cutout, cutout_mask, draw_cutout
from bonaface.attacks.print import apply_print
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_to_json
from bonaface.attacks.view import View, moved_points
from bonaface.errors import SimulationError
from bonaface.types import Box

PLAIN_SHEET = replace(
    draw_cutout(np.random.default_rng(0)).sheet,
    view=View(),
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
    light_deg=-90.0,
    gloss=0.0,
    blur_px=0.0,
)
PLAIN = replace(
    draw_cutout(np.random.default_rng(0)),
    variant="eyes",
    sheet=PLAIN_SHEET,
    hole_width=0.14,
    hole_height=0.09,
    mouth_width=0.2,
    mouth_height=0.08,
    wobble=0.0,
    snips=32,
    edge=replace(draw_cutout(np.random.default_rng(0)).edge, core_opacity=0.0, relief=0.0, shadow=0.0),
    behind_scale=1.0,
    behind_turn_deg=0.0,
    behind_shift_x=0.0,
    behind_shift_y=0.0,
    behind_light=1.0,
    behind_blur_px=0.0,
)


def holes(scene: Scene, p: CutoutParameters) -> np.ndarray:
    """Where it matters whether the face behind is lit."""
    lit, dark = (apply_cutout(scene, replace(p, behind_light=light)).pixels.astype(int) for light in (1, 0.2))
    return np.abs(lit - dark).max(axis=2) > 3


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_generator_same_bytes_and_the_input_is_untouched(variant, face_scene):
    before = face_scene.pixels.tobytes()
    drawn = [draw_cutout(np.random.default_rng(5), variant=variant) for _ in range(2)]
    one, two = (apply_cutout(face_scene, p) for p in drawn)
    assert drawn[0] == drawn[1]
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert one.face == two.face
    assert face_scene.pixels.tobytes() == before
    assert one.pixels.tobytes() != before
    assert drawn[0].variant == variant


@pytest.mark.parametrize("strength", [0.2, 1.5])
@pytest.mark.parametrize("variant", VARIANTS)
def test_odd_scenes_give_pictures_of_their_own_size(variant, strength, odd_scenes):
    rng = np.random.default_rng(3)
    for scene in odd_scenes.values():
        for _ in range(3):
            p = draw_cutout(rng, strength=strength, variant=variant)
            out = apply_cutout(scene, p)
            assert out.pixels.shape == scene.pixels.shape
            assert out.pixels.dtype == np.uint8
            assert np.isfinite([out.face.x1, out.face.y1, out.face.side]).all()
            assert cutout_mask(scene, p).shape == scene.size


def test_parameters_are_plain(face_scene):
    drawn = draw_cutout(np.random.default_rng(1))
    plain = parameters_to_json(drawn)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["sheet"]["view"]["zoom"] == drawn.sheet.view.zoom
    assert hash(drawn)


def test_an_unknown_variant_is_refused():
    with pytest.raises(
        SimulationError, match=r"a variant of cutout must be one of eyes, .* did you mean 'slot'"
    ):
        draw_cutout(np.random.default_rng(0), variant="slott")


def test_every_variant_is_drawn_and_the_whole_picture_is_the_attack(face_scene):
    rng = np.random.default_rng(0)
    assert {draw_cutout(rng).variant for _ in range(60)} == set(VARIANTS)
    assert cutout_mask(face_scene, PLAIN).min() == 1


@pytest.mark.parametrize(
    ("variant", "number"), [("eyes", 2), ("eyes_mouth", 3), ("slot", 1), ("second_print", 2)]
)
def test_each_variant_has_its_holes(variant, number, face_scene):
    seen = holes(face_scene, replace(PLAIN, variant=variant)).astype(np.uint8)
    assert cv2.connectedComponents(seen)[0] - 1 == number


def test_holes_lie_over_landmarks_and_have_their_size(face_scene):
    landmarks = np.array([[60, 90], [104, 84], [80, 105], [66, 125], [102, 120]], np.float32)
    scene = replace(face_scene, landmarks=landmarks)
    seen = holes(scene, PLAIN)
    for eye in landmarks[:2]:
        y, x = np.nonzero(seen & (np.abs(np.arange(160)[None, :] - eye[0]) < 20))
        assert (x.mean(), y.mean()) == pytest.approx(tuple(eye), abs=1.0)
    assert seen.sum() < 1.15 * 2 * 4 * 0.14 * 0.09 * scene.face.side**2  # two boxes about the two holes


def test_nothing_but_the_holes_differs_from_a_print(face_scene):
    drawn = draw_cutout(np.random.default_rng(2), variant="eyes_mouth")
    printed, cut = apply_print(face_scene, drawn.sheet), apply_cutout(face_scene, drawn)
    changed = (printed.pixels != cut.pixels).any(axis=2)
    assert cut.face == printed.face
    assert 0.005 < changed.mean() < 0.2
    y, x = np.nonzero(changed)
    (cx, cy), reach = cut.face.center, 0.6 * cut.face.side
    assert max(np.abs(x - cx).max(), np.abs(y - cy).max()) < reach


def test_a_perfect_print_before_a_face_that_fits_changes_nothing(face_scene):
    out = apply_cutout(face_scene, PLAIN)
    assert np.abs(out.pixels.astype(int) - face_scene.pixels).max() <= 2


@pytest.mark.parametrize("light", [0.25, 0.64])
def test_less_light_behind_is_darker_by_its_root(light, face_scene):
    seen = cv2.erode(holes(face_scene, PLAIN).astype(np.uint8), np.ones((5, 5))) > 0
    before = face_scene.pixels[seen].astype(float).mean()
    after = apply_cutout(face_scene, replace(PLAIN, behind_light=light)).pixels[seen].astype(float).mean()
    assert after / before == pytest.approx(np.sqrt(light), rel=0.02)


def test_the_face_behind_moves_against_the_sheet(face_scene):
    seen = cv2.erode(holes(face_scene, PLAIN).astype(np.uint8), np.ones((5, 5))) > 0
    down = 4 / face_scene.face.side
    out = apply_cutout(face_scene, replace(PLAIN, behind_shift_y=down)).pixels
    shifted = np.roll(face_scene.pixels, 4, axis=0)
    assert np.abs(out[seen].astype(int) - shifted[seen]).mean() < 1
    outside = ~(cv2.dilate(seen.astype(np.uint8), np.ones((13, 13))) > 0)
    assert np.abs(out[outside].astype(int) - face_scene.pixels[outside]).max() <= 2


def test_a_second_print_is_as_pale_as_the_first_and_a_face_is_not(face_scene):
    pale = replace(PLAIN, sheet=replace(PLAIN_SHEET, saturation=0.3))
    seen = cv2.erode(holes(face_scene, pale).astype(np.uint8), np.ones((5, 5))) > 0

    def colour(variant: str) -> float:
        pixels = apply_cutout(face_scene, replace(pale, variant=variant)).pixels[seen].astype(float)
        return float(np.ptp(pixels, axis=1).mean())

    assert colour("second_print") < 0.7 * colour("eyes")


def test_what_lies_behind_may_be_out_of_focus(face_scene):
    seen = cv2.erode(holes(face_scene, PLAIN).astype(np.uint8), np.ones((5, 5))) > 0

    def detail(blur_px: float) -> float:
        out = apply_cutout(face_scene, replace(PLAIN, behind_blur_px=blur_px)).pixels
        return float(cv2.Laplacian(out, cv2.CV_32F)[seen].std())

    assert detail(1.0) < 0.4 * detail(0.0)


def test_the_shadow_falls_into_the_upper_part_of_the_holes_under_light_from_above(face_scene):
    edge = replace(PLAIN.edge, shadow=0.9, shadow_reach=0.04, shadow_softness=0.005)
    out = apply_cutout(face_scene, replace(PLAIN, edge=edge)).pixels.astype(float)
    ratio = out.mean(axis=2) / np.maximum(face_scene.pixels.astype(float).mean(axis=2), 1)
    y, x = np.nonzero(holes(face_scene, PLAIN))
    upper, lower = y < np.percentile(y, 25), y > np.percentile(y, 75)
    assert ratio[y[upper], x[upper]].mean() < 0.8 * ratio[y[lower], x[lower]].mean()


def test_landmarks_move_with_the_sheet(face_scene):
    landmarks = np.array([[60, 90], [104, 84], [80, 105], [66, 125], [102, 120]], np.float32)
    view = View(rotation_deg=4.0, tilt_x=0.05, zoom=1.05)
    moved = apply_cutout(
        replace(face_scene, landmarks=landmarks), replace(PLAIN, sheet=replace(PLAIN_SHEET, view=view))
    ).landmarks
    assert moved is not None
    assert moved.dtype == np.float32
    height, width = face_scene.size
    assert moved == pytest.approx(moved_points(view, landmarks.astype(float), height, width), abs=1e-3)
    assert apply_cutout(face_scene, PLAIN).landmarks is None


def test_more_strength_makes_a_stronger_misfit_and_leaves_the_holes():
    weak, strong = (draw_cutout(np.random.default_rng(9), strength=s, variant="eyes") for s in (0.3, 1.2))
    assert weak.behind_light > strong.behind_light
    assert weak.edge.shadow < strong.edge.shadow
    assert abs(weak.behind_turn_deg) < abs(strong.behind_turn_deg)
    assert (weak.hole_width, weak.hole_height) == (strong.hole_width, strong.hole_height)


def test_a_second_print_moves_farther_than_a_head():
    shifts = {
        variant: np.median(
            [
                abs(draw_cutout(np.random.default_rng(seed), variant=variant).behind_shift_y)
                for seed in range(80)
            ]
        )
        for variant in ("eyes", "second_print")
    }
    assert shifts["second_print"] > 2 * shifts["eyes"]


def test_a_face_outside_the_picture_is_just_printed(face_scene):
    away = Scene(face_scene.pixels, Box(900, 900, 990, 990))
    drawn = draw_cutout(np.random.default_rng(0))
    assert (apply_cutout(away, drawn).pixels == apply_print(away, drawn.sheet).pixels).all()
