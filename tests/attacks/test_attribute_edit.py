from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bonaface.attacks import attribute_edit, features
from bonaface.attacks.attribute_edit import (
    Ageing,
    AttributeEditParameters,
    Makeup,
    Tone,
    apply_attribute_edit,
    attribute_edit_mask,
    draw_attribute_edit,
)
from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.resynthesis import Resynthesis
from bonaface.attacks.scene import Scene
from bonaface.attacks.seam import InnerFace
from bonaface.types import Box

from .alone import Alone
from .conftest import energy
from .couple import portraits

SPECIES = Alone("attribute_edit", attribute_edit, unheard="aged")
SAME = Tone(luma_gain=1.0, cb_shift=0.0, cr_shift=0.0)
BARE = Makeup((0.7, 0.2, 0.3), 0.0, (0.3, 0.2, 0.3), 0.0, 0.0, (0.9, 0.5, 0.5), 0.0)
PLAIN = replace(
    draw_attribute_edit(np.random.default_rng(0)),
    variant="age",
    ageing=Ageing(gain=1.0, fine=0.0, coarse=0.02, wrinkles=0.0),
    skin=SAME,
    hair=SAME,
    makeup=BARE,
    network=Resynthesis(network_px=900.0, smooth_px=0.0, lattice=0.0, sharpen=0.0),
    region=InnerFace(seed=0, half_width=0.7, top=0.9, bottom=0.7, flatness=2.0, unevenness=0.0, edge=0.05),
    seam="alpha",
)
ASTRONAUT = portraits()[0]


def coded(scene: Scene) -> np.ndarray:
    return cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2YCrCb).astype(float)


def change(parameters: AttributeEditParameters, scene: Scene = ASTRONAUT) -> np.ndarray:
    """Against the network alone: (height, width, 3) in Y', Cr, Cb."""
    plain = replace(parameters, ageing=PLAIN.ageing, skin=SAME, hair=SAME, makeup=BARE)
    return coded(apply_attribute_edit(scene, parameters)) - coded(apply_attribute_edit(scene, plain))


def window(x: float, y: float, half: float, scene: Scene = ASTRONAUT) -> tuple[slice, slice]:
    """Rows and columns about a point in shares of the face."""
    face = face_matrix(scene)
    px, py = face[:, :2] @ (x, y) + face[:, 2]
    reach = half * features.side_of(face)
    return slice(round(py - reach), round(py + reach)), slice(round(px - reach), round(px + reach))


def test_ageing_raises_and_smoothing_lowers_the_skins_band():
    cheek = window(0.2, 0.55, 0.1)

    def detail(gain: float) -> float:
        aged = replace(PLAIN, ageing=replace(PLAIN.ageing, gain=gain))
        luma = coded(apply_attribute_edit(ASTRONAUT, aged))[..., 0]
        return float((luma - cv2.GaussianBlur(luma, (0, 0), 2))[cheek].std())

    details = [detail(gain) for gain in (0.1, 1.0, 2.5)]
    assert details[0] < 0.8 * details[1] < details[1] < details[2] / 1.2


def test_a_band_leaves_its_finer_neighbours_alone(face_scene):
    whole, coarse = (
        replace(PLAIN, ageing=Ageing(gain=3.0, fine=fine, coarse=0.06, wrinkles=0.0)) for fine in (0.0, 0.03)
    )
    fine = [
        energy(apply_attribute_edit(face_scene, p).pixels, low=0.3, high=0.5) for p in (whole, coarse, PLAIN)
    ]
    assert fine[0] > 2 * fine[1]
    assert fine[1] == pytest.approx(fine[2], rel=0.1)


def test_wrinkles_darken_lines_and_keep_the_mean():
    wrinkled = replace(PLAIN, ageing=replace(PLAIN.ageing, wrinkles=20.0))
    forehead = change(wrinkled)[window(0.5, -0.05, 0.12)][..., 0]
    assert forehead.min() < -5
    assert abs(forehead.mean()) < 2
    other = change(replace(wrinkled, seed=wrinkled.seed + 1))[window(0.5, -0.05, 0.12)][..., 0]
    assert np.abs(other - forehead).max() > 3


def test_a_tone_shift_is_the_one_that_was_drawn():
    toned = replace(PLAIN, variant="tone", skin=Tone(luma_gain=0.85, cb_shift=-6.0, cr_shift=5.0))
    cheek = window(0.25, 0.5, 0.05)
    luma, red, blue = change(toned)[cheek].reshape(-1, 3).mean(axis=0)
    weight = features.skin(
        ASTRONAUT.pixels,
        face_matrix(ASTRONAUT),
        (slice(0, ASTRONAUT.size[0]), slice(0, ASTRONAUT.size[1])),
        is_found=True,
    )[cheek].mean()
    assert weight > 0.7
    assert luma == pytest.approx(-0.15 * coded(ASTRONAUT)[cheek][..., 0].mean() * weight, rel=0.1)
    assert (red, blue) == pytest.approx((5 * weight, -6 * weight), abs=1.2)
    assert np.abs(change(toned)[window(0.278, 0.268, 0.02)]).mean() < 0.3 * abs(luma)


def test_hair_changes_where_hair_is():
    dyed = replace(PLAIN, variant="tone", hair=Tone(luma_gain=0.7, cb_shift=0.0, cr_shift=8.0))
    assert change(dyed)[window(0.5, -0.34, 0.05)][..., 1].mean() > 3
    assert np.abs(change(dyed)[window(0.5, 0.55, 0.1)]).mean() < 1


def test_makeup_paints_lips_lids_and_cheeks():
    lips = replace(PLAIN, variant="makeup", makeup=replace(BARE, lips_opacity=0.8))
    assert change(lips)[window(0.5, 0.735, 0.015)][..., 1].mean() > 5
    assert np.abs(change(lips)[window(0.5, 0.45, 0.05)]).max() < 2
    lids = replace(PLAIN, variant="makeup", makeup=replace(BARE, lids_opacity=0.6, liner_opacity=0.6))
    assert change(lids)[window(0.278, 0.2, 0.02)][..., 0].mean() < -10
    cheeks = replace(PLAIN, variant="makeup", makeup=replace(BARE, cheeks_opacity=0.5))
    assert change(cheeks)[window(0.2, 0.56, 0.04)][..., 1].mean() > 2


def test_guessed_lids_and_lips_are_painted_where_the_picture_has_them():
    wall = np.empty((270, 240, 3), np.uint8)
    wall[:] = (205, 160, 135)
    bare = Scene(wall, Box(70, 80, 170, 180))
    painted = Makeup((0.7, 0.1, 0.2), 0.9, (0.2, 0.1, 0.2), 0.9, 0.9, (0.9, 0.5, 0.5), 0.0)
    made_up = replace(PLAIN, variant="makeup", makeup=painted)
    assert np.abs(change(made_up, bare)).max() <= 1
    wall = wall.copy()
    wall[150:158, 105:135] = (190, 95, 100)
    wall[105:109, 88:108] = 40
    change_there = change(made_up, Scene(wall, bare.face))
    assert change_there[154, 120, 1] > 5
    assert change_there[100:104, 90:105, 0].mean() < -20


def test_a_grey_picture_keeps_lips_and_tone_grey(odd_scenes):
    grey = odd_scenes["grey"]
    painted = replace(PLAIN, variant="makeup", makeup=replace(BARE, lips_opacity=1.0, cheeks_opacity=1.0))
    toned = replace(PLAIN, variant="tone", skin=Tone(luma_gain=0.8, cb_shift=20.0, cr_shift=20.0))
    for parameters in (painted, toned):
        pixels = apply_attribute_edit(grey, parameters).pixels.astype(int)
        assert (pixels.max(axis=2) - pixels.min(axis=2)).max() <= 2
        assert (pixels != grey.pixels).any()


def test_only_the_variants_own_part_counts():
    busy = draw_attribute_edit(np.random.default_rng(3), variant="tone")
    other = replace(busy, ageing=Ageing(3.0, 0.0, 0.03, 20.0), makeup=replace(BARE, lips_opacity=1.0))
    assert (
        apply_attribute_edit(ASTRONAUT, busy).pixels == apply_attribute_edit(ASTRONAUT, other).pixels
    ).all()


def test_a_face_outside_the_picture_changes_nothing(face_scene):
    away = replace(face_scene, face=Box(900, 900, 990, 990))
    assert (apply_attribute_edit(away, PLAIN).pixels == away.pixels).all()
    assert attribute_edit_mask(away, PLAIN).max() == 0


def test_same_generator_same_bytes(face_scene):
    SPECIES.assert_same_generator_same_bytes(face_scene)
    SPECIES.assert_same_generator_same_bytes(ASTRONAUT)


def test_the_mask_is_true(face_scene):
    SPECIES.assert_the_mask_is_true(face_scene)


def test_odd_scenes(odd_scenes):
    SPECIES.assert_takes_odd_scenes(odd_scenes)
    SPECIES.assert_grey_stays_grey(odd_scenes["grey"])


def test_json(face_scene):
    SPECIES.assert_survives_json(face_scene)


def test_strength_and_variants(face_scene):
    SPECIES.assert_more_strength_changes_more(face_scene)
    SPECIES.assert_variants_are_named()
