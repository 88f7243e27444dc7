from __future__ import annotations

import json
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from bonaface.attacks.mask_3d import VARIANTS, Mask3dParameters, apply_mask_3d, draw_mask_3d, mask_3d_mask
from bonaface.attacks.materials import MATERIALS
from bonaface.attacks.relief import Lamp
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_to_json
from bonaface.errors import SimulationError
from bonaface.types import Box

DRAWN = draw_mask_3d(np.random.default_rng(0), variant="resin")
PLAIN = replace(
    DRAWN,
    half_width=0.5,
    half_height=0.65,
    rise=0.05,
    taper=0.0,
    wobble=0.0,
    fade=0.0,
    eye_width=0.12,
    eye_height=0.06,
    mouth_width=0.0,
    opacity=0.0,
    smooth_contrast=0.0,
    flat_colour=0.0,
    flat_tone=0.0,
    flat_light=0.0,
    saturation=1.0,
    tint=(1.0, 1.0, 1.0),
    exposure_ratio=1.0,
    grain=0.0,
    gloss=0.0,
    ripple=0.0,
    shade=0.0,
    lamp=Lamp(from_deg=-90.0, height_deg=50.0),
    edge=replace(DRAWN.edge, core_opacity=0.0, relief=0.0, shadow=0.0, shadow_reach=0.0, shadow_softness=0.0),
)


def core(scene: Scene, p: Mask3dParameters) -> np.ndarray:
    """Well inside the mask."""
    return cv2.erode((mask_3d_mask(scene, p) > 0.99).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0


def worn(scene: Scene, **changes) -> np.ndarray:
    return apply_mask_3d(scene, replace(PLAIN, **changes)).pixels


def detail(pixels: np.ndarray, where: np.ndarray) -> float:
    return float(cv2.Laplacian(np.ascontiguousarray(pixels), cv2.CV_32F)[where].std())


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("seed", range(3))
def test_outside_the_mask_every_byte_stays(variant, seed, face_scene):
    before = face_scene.pixels.tobytes()
    drawn = [draw_mask_3d(np.random.default_rng(seed), variant=variant) for _ in range(2)]
    mask = mask_3d_mask(face_scene, drawn[0])
    one, two = (apply_mask_3d(face_scene, p) for p in drawn)
    assert drawn[0] == drawn[1]
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert face_scene.pixels.tobytes() == before
    assert 0.05 < (mask > 0).mean() < 0.7
    assert 0 <= mask.min() <= mask.max() <= 1
    assert (one.pixels[mask == 0] == face_scene.pixels[mask == 0]).all()
    assert (one.pixels[mask > 0.9] != face_scene.pixels[mask > 0.9]).mean() > 0.5
    assert one.face == face_scene.face


@pytest.mark.parametrize("strength", [0.2, 1.5])
@pytest.mark.parametrize("variant", VARIANTS)
def test_odd_scenes_give_pictures_of_their_own_size(variant, strength, odd_scenes):
    rng = np.random.default_rng(3)
    for scene in odd_scenes.values():
        for _ in range(3):
            p = draw_mask_3d(rng, strength=strength, variant=variant)
            out, mask = apply_mask_3d(scene, p), mask_3d_mask(scene, p)
            assert out.pixels.shape == scene.pixels.shape
            assert out.pixels.dtype == np.uint8
            assert (out.pixels[mask == 0] == scene.pixels[mask == 0]).all()


def test_parameters_are_plain_and_variants_known():
    drawn = draw_mask_3d(np.random.default_rng(1))
    plain = parameters_to_json(drawn)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert plain["lamp"] == {"from_deg": drawn.lamp.from_deg, "height_deg": drawn.lamp.height_deg}
    rng = np.random.default_rng(0)
    assert {draw_mask_3d(rng).variant for _ in range(60)} == set(VARIANTS)
    with pytest.raises(
        SimulationError, match=r"a variant of mask_3d must be one of latex, .* mean 'silicone'"
    ):
        draw_mask_3d(rng, variant="silicon")


@pytest.mark.parametrize("variant", VARIANTS)
def test_draws_keep_to_their_material(variant):
    material = MATERIALS[variant]
    for seed in range(40):
        drawn = draw_mask_3d(np.random.default_rng(seed), variant=variant)
        for field in fields(material):
            low, high = getattr(material, field.name)
            value = getattr(drawn if hasattr(drawn, field.name) else drawn.edge, field.name)
            assert low - 1e-12 <= value <= high + 1e-12, field.name


def test_materials_differ_where_it_matters():
    assert MATERIALS["sandstone"].gloss == (0.0, 0.0) != MATERIALS["resin"].gloss
    assert MATERIALS["silicone"].sharpness[1] < MATERIALS["resin"].sharpness[0]
    assert MATERIALS["clear"].flat_colour == (0.0, 0.0)
    assert MATERIALS["clear"].smooth_contrast[1] < MATERIALS["silicone"].smooth_contrast[0]
    assert MATERIALS["resin"].grain[1] < MATERIALS["sandstone"].grain[0]
    assert MATERIALS["resin"].fade[1] < MATERIALS["silicone"].fade[0]


def test_a_mask_without_traces_changes_nothing(face_scene):
    assert np.abs(worn(face_scene).astype(int) - face_scene.pixels).max() <= 1


def test_smoothing_takes_fine_texture_and_leaves_strong_edges(face_scene):
    where = core(face_scene, PLAIN)
    soft = worn(face_scene, smooth_contrast=0.08)
    assert detail(soft, where) < 0.5 * detail(face_scene.pixels, where)
    y, x = np.mgrid[:160, :160]
    checks = np.where((x // 20 + y // 20) % 2 == 0, 60, 200).astype(np.uint8)
    scene = Scene(np.repeat(checks[..., None], 3, axis=2), Box(40, 40, 120, 120))
    kept = worn(scene, smooth_contrast=0.08)
    assert np.abs(kept.astype(int) - scene.pixels).mean() < 6


def test_flat_colour_takes_the_changes_of_colour_and_keeps_their_mean():
    x = np.tile(np.arange(160.0), (160, 1))
    pixels = np.stack([140 + 40 * np.sin(x / 9), 120 + 0 * x, 110 - 30 * np.sin(x / 9)], axis=2)
    scene = Scene(np.rint(pixels).astype(np.uint8), Box(40, 40, 120, 120))
    where = core(scene, PLAIN)

    def red_over_blue(picture: np.ndarray) -> np.ndarray:
        return (picture[..., 0].astype(float) - picture[..., 2])[where]

    before, after = red_over_blue(scene.pixels), red_over_blue(worn(scene, flat_colour=0.8))
    assert after.std() == pytest.approx(0.2 * before.std(), rel=0.1)
    assert after.mean() == pytest.approx(before.mean(), abs=3)


def test_saturation_scales_the_colour(face_scene):
    where = core(face_scene, PLAIN)

    def colour(picture: np.ndarray) -> float:
        return float(np.ptp(picture[where].astype(float), axis=1).mean())

    assert colour(worn(face_scene, saturation=0.5)) == pytest.approx(
        0.5 * colour(face_scene.pixels), rel=0.05
    )


def test_flat_light_evens_out_slow_changes_of_brightness():
    x = np.tile(np.linspace(60, 200, 160), (160, 1))
    scene = Scene(np.repeat(np.rint(x).astype(np.uint8)[..., None], 3, axis=2), Box(40, 40, 120, 120))
    where = core(scene, PLAIN)

    def spread(changes: dict[str, float]) -> float:
        return float(worn(scene, **changes)[where].astype(float).std())

    assert spread({"flat_light": 0.6}) == pytest.approx(0.4 * spread({}), rel=0.05)
    assert spread({"flat_tone": 0.6}) == pytest.approx(spread({}), rel=0.03)


def test_flat_tone_evens_out_spots():
    rng = np.random.default_rng(0)
    spots = cv2.GaussianBlur(rng.standard_normal((160, 160)).astype(np.float32), (0, 0), 1.5)
    grey = np.clip(120 + 150 * spots, 0, 255).astype(np.uint8)
    scene = Scene(np.repeat(grey[..., None], 3, axis=2), Box(40, 40, 120, 120))
    where = core(scene, PLAIN)
    before, after = (
        scene.pixels[where].astype(float).std(),
        worn(scene, flat_tone=0.6)[where].astype(float).std(),
    )
    assert after == pytest.approx(0.4 * before, rel=0.1)


@pytest.mark.parametrize(("from_deg", "column"), [(180.0, -1), (0.0, 1)])
def test_highlights_lie_on_the_lamps_side(from_deg, column):
    scene = Scene(np.full((160, 160, 3), 100, np.uint8), Box(40, 40, 120, 120))
    lamp = Lamp(from_deg=from_deg, height_deg=40.0)
    light = worn(scene, gloss=0.5, sharpness=30.0, lamp=lamp)[..., 0].astype(float) - 100
    assert light.min() >= -1
    assert light.max() > 40
    x = np.arange(160)[None, :]
    assert column * ((light * x).sum() / light.sum() - 80) > 5


def test_sharper_gloss_is_smaller():
    scene = Scene(np.full((160, 160, 3), 100, np.uint8), Box(40, 40, 120, 120))
    wide, narrow = ((worn(scene, gloss=0.4, sharpness=s)[..., 0] > 110).sum() for s in (10.0, 100.0))
    assert narrow < 0.6 * wide


def test_the_masks_own_shape_is_lit_from_above():
    scene = Scene(np.full((160, 160, 3), 128, np.uint8), Box(40, 40, 120, 120))
    out = worn(scene, shade=0.8)[..., 0].astype(float)
    assert out[35:45, 75:86].mean() > 128 > out[115:122, 75:86].mean()


def test_grain_exposure_and_tint():
    scene = Scene(np.full((160, 160, 3), 128, np.uint8), Box(40, 40, 120, 120))
    where = core(scene, PLAIN)
    assert worn(scene, grain=0.03)[where].astype(float).std() == pytest.approx(0.03 * 128, rel=0.1)
    assert worn(scene, exposure_ratio=1.2)[where].mean() == pytest.approx(1.2 * 128, abs=1)
    coloured = replace(scene, pixels=np.full((160, 160, 3), (140, 128, 120), np.uint8))
    warm = worn(coloured, tint=(1.1, 1.0, 0.9))[where].mean(axis=0)
    assert warm == pytest.approx([154, 128, 108], abs=0.6)


def test_through_the_openings_the_wearer_is_seen(face_scene):
    dark = {"exposure_ratio": 0.6, "mouth_width": 0.18, "mouth_height": 0.05}
    mask, out = mask_3d_mask(face_scene, replace(PLAIN, **dark)), worn(face_scene, **dark)
    (cx, _), side, top = face_scene.face.center, face_scene.face.side, face_scene.face.y1
    for x, y in ((-0.222, 0.268), (0.222, 0.268), (0.0, 0.705)):
        row, column = round(top + y * side), round(cx + x * side)
        assert mask[row, column] == 0
        assert (out[row, column] == face_scene.pixels[row, column]).all()
    closed = mask_3d_mask(face_scene, PLAIN)
    assert closed[round(top + 0.705 * side), round(cx)] == 1


def test_a_faded_edge_is_wide_and_a_cut_one_is_not(face_scene):
    def partly(fade: float) -> float:
        mask = mask_3d_mask(face_scene, replace(PLAIN, fade=fade))
        return float(((mask > 0.02) & (mask < 0.98)).mean())

    assert partly(0.08) > 3 * partly(0.0)


def test_landmarks_stay(face_scene):
    landmarks = np.array([[62, 90], [100, 90], [80, 105], [66, 122], [96, 122]], np.float32)
    out = apply_mask_3d(replace(face_scene, landmarks=landmarks), DRAWN)
    assert (out.landmarks == landmarks).all()


def test_more_strength_changes_more(face_scene):
    def change(strength: float) -> float:
        rng = np.random.default_rng(1)
        masked = [apply_mask_3d(face_scene, draw_mask_3d(rng, strength=strength)) for _ in range(16)]
        return float(np.mean([np.abs(m.pixels.astype(int) - face_scene.pixels).mean() for m in masked]))

    assert 2 * change(0.25) < change(1.5)


def test_a_face_outside_the_picture_changes_nothing(face_scene):
    away = Scene(face_scene.pixels, Box(900, 900, 990, 990))
    out = apply_mask_3d(away, DRAWN)
    assert (out.pixels == away.pixels).all()
    assert out.pixels is not away.pixels
    assert mask_3d_mask(away, DRAWN).max() == 0


def test_a_huge_box_is_met_in_time():
    pixels = np.random.default_rng(0).integers(0, 255, (60, 70, 3), dtype=np.uint8)
    scene = Scene(pixels, Box(-2e5, -2e5, 3e5, 3e5))
    for variant in VARIANTS:
        assert apply_mask_3d(scene, draw_mask_3d(np.random.default_rng(0), variant=variant)).pixels.shape == (
            60,
            70,
            3,
        )


def test_the_docstring_says_how_weak_it_is():
    from bonaface.attacks import mask_3d

    assert "weakest of the simulations" in (mask_3d.__doc__ or "")


def test_an_opaque_mask_hides_hair_and_a_clear_one_shows_it(face_scene):
    """A black fringe over the forehead turns into skin under an opaque mask; eyes stay."""
    box = face_scene.face
    pixels = face_scene.pixels.copy()
    fringe = (
        slice(round(box.y1 - 0.12 * box.side), round(box.y1)),
        slice(round(box.x1 + 20), round(box.x2 - 20)),
    )
    pixels[fringe] = 5
    scene = Scene(pixels, box)
    skin = pixels[round(box.y1 + 0.45 * box.side), round(box.x1 + 0.3 * box.side)].astype(float)
    assert worn(scene)[fringe].mean() < 12
    assert worn(scene, opacity=1.0)[fringe].mean() > 0.75 * skin.mean()
    assert {name for name, material in MATERIALS.items() if material.opacity == (1.0, 1.0)} == {
        "latex", "plastic", "silicone", "resin", "sandstone",
    }  # fmt: skip
