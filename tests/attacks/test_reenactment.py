from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks import reenactment
from bonaface.attacks.motion import FEATURES, Motion, landed, warp_of
from bonaface.attacks.mouth import Mouth
from bonaface.attacks.reenactment import apply_reenactment, draw_reenactment, reenactment_mask
from bonaface.attacks.resynthesis import Resynthesis
from bonaface.attacks.scene import Scene
from bonaface.attacks.seam import InnerFace
from bonaface.types import Box

from .alone import Alone
from .conftest import energy

SPECIES = Alone("reenactment", reenactment, unheard="talk")
REST = Motion(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
PLAIN = replace(
    draw_reenactment(np.random.default_rng(0)),
    motion=REST,
    mouth=Mouth(code=0.15, teeth=0.0, teeth_code=0.9, teeth_height=0.05, blur=0.005),
    ghost=0.0,
    network=Resynthesis(network_px=900.0, smooth_px=0.0, lattice=0.0, sharpen=0.0),
    region=InnerFace(seed=0, half_width=0.7, top=0.9, bottom=0.75, flatness=2.0, unevenness=0.0, edge=0.02),
    region_y=0.0,
    seam="alpha",
)
BOX = Box(70, 80, 170, 180)


def marked(points: dict[str, tuple[float, float]], *, landmarks: bool = False) -> Scene:
    """A grey wall with a small bright spot at each of the points, in pixels."""
    y, x = np.mgrid[:270, :240]
    wall = np.full((270, 240), 60.0)
    for px, py in points.values():
        wall += 150 * np.exp(-0.5 * ((x - px) ** 2 + (y - py) ** 2) / 1.5**2)
    pixels = np.repeat(np.clip(np.rint(wall), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    names = ("right_eye", "left_eye", "nose", "right_mouth", "left_mouth")
    given = np.array([points[name] for name in names], np.float32) if landmarks else None
    return Scene(pixels, BOX, given)


def spot(scene: Scene, near: tuple[float, float], reach: float = 9.0) -> np.ndarray:
    """Centroid of what is bright about a point."""
    y, x = np.mgrid[: scene.size[0], : scene.size[1]]
    bright = np.clip(scene.pixels[..., 0].astype(float) - 75, 0, None)
    bright *= np.hypot(x - near[0], y - near[1]) < reach
    return np.array([(bright * x).sum(), (bright * y).sum()]) / bright.sum()


def pixel(shares: np.ndarray) -> np.ndarray:
    return np.asarray(shares) * 100 + (70, 80)


@pytest.mark.parametrize(
    "motion",
    [
        {"brow_raise": 0.05},
        {"smile": 0.07, "eye_close": -0.5},
        {"yaw_deg": 7.0},
        {"yaw_deg": -5.0, "pitch_deg": 4.0, "roll_deg": 6.0},
    ],
)
def test_drawn_markers_go_where_the_motion_says(motion):
    moved = replace(PLAIN, motion=replace(REST, **motion))
    shown = ("left_brow_outer", "nose_tip", "right_mouth_corner", "left_cheek", "right_eye_inner")
    start = {name: tuple(pixel(FEATURES[name][:2])) for name in shown}
    attacked = apply_reenactment(marked(start), moved)
    goals = landed(moved.motion)
    for name in shown:
        goal = pixel(goals[name])
        assert spot(attacked, goal) == pytest.approx(goal, abs=0.6), name


def test_an_opening_mouth_lowers_chin_and_lip_by_hand():
    opened = replace(PLAIN, motion=replace(REST, mouth_open=0.1))
    start = {"chin": (120.0, 177.0), "lower_lip": (120.0, 156.5)}
    attacked = apply_reenactment(marked(start), opened)
    assert spot(attacked, (120, 185)) == pytest.approx((120, 185), abs=0.7)


def test_box_and_landmarks_move_with_the_face():
    start = {
        "right_eye": (98.0, 107.0), "left_eye": (142.0, 107.0), "nose": (120.0, 132.0),
        "right_mouth": (100.0, 150.0), "left_mouth": (140.0, 150.0),
    }  # fmt: skip
    scene = marked(start, landmarks=True)
    turned = replace(PLAIN, motion=replace(REST, yaw_deg=6.0, pitch_deg=3.0))
    attacked = apply_reenactment(scene, turned)
    for number, point in enumerate(attacked.landmarks):
        assert spot(attacked, tuple(point)) == pytest.approx(point, abs=0.6), number
    assert (attacked.landmarks[:, 0] > scene.landmarks[:, 0] + 3).all()
    shift = np.array(attacked.face.center) - scene.face.center
    nose = attacked.landmarks[2] - scene.landmarks[2]
    assert shift == pytest.approx(nose, abs=3)
    assert attacked.face.side == pytest.approx(scene.face.side)


def test_the_mouth_opens_darkly_and_shows_teeth(face_scene):
    x, y = face_scene.face.x1, face_scene.face.y1
    points = np.array([[0.3, 0.38], [0.7, 0.38], [0.5, 0.55], [0.36, 0.78], [0.64, 0.78]]) * 80 + (x, y)
    scene = Scene(face_scene.pixels, face_scene.face, points.astype(np.float32))
    shapes = slice(round(y + 0.72 * 80), round(y + 0.88 * 80)), slice(round(x + 35), round(x + 46))

    def inside(**changes: float) -> float:
        drawn = replace(PLAIN, motion=replace(REST, mouth_open=0.12), mouth=replace(PLAIN.mouth, **changes))
        return float(apply_reenactment(scene, drawn).pixels[shapes].mean())

    closed = float(apply_reenactment(scene, PLAIN).pixels[shapes].mean())
    assert inside() < 0.75 * closed
    assert inside(code=0.15) < inside(code=0.5)
    assert inside(teeth=0.9) > inside()


def test_a_guessed_mouth_opens_only_where_lips_are_dark():
    bare = marked({})
    opened = replace(PLAIN, motion=replace(REST, mouth_open=0.12))
    assert np.abs(apply_reenactment(bare, opened).pixels.astype(int) - 60).max() <= 1
    line = bare.pixels.copy()
    line[149:152, 102:138] = 20
    dark = apply_reenactment(Scene(line, BOX), opened).pixels[140:175, 115:125] < 40
    assert dark.sum() > 3 * 30


def test_a_closing_lid_covers_the_eye():
    wall = np.full((270, 240, 3), 200, np.uint8)
    wall[105:111, 92:104] = 30
    before = (wall[..., 0] < 100).sum()
    closed = apply_reenactment(Scene(wall, BOX), replace(PLAIN, motion=replace(REST, eye_close=0.8)))
    opened = apply_reenactment(Scene(wall, BOX), replace(PLAIN, motion=replace(REST, eye_close=-0.6)))
    dark = [(scene.pixels[100:115, 88:108, 0] < 100).sum() for scene in (closed, opened)]
    assert dark[0] < 0.7 * before < before < dark[1]


def test_the_ghost_is_the_frame_before():
    turned = replace(PLAIN, motion=replace(REST, yaw_deg=8.0), ghost=0.35, ghost_lag=1.0)
    x, y = pixel(FEATURES["nose_tip"][:2])
    attacked = apply_reenactment(marked({"nose": (x, y)}), turned).pixels[round(y), :, 0].astype(int)
    goal = round(pixel(landed(turned.motion)["nose_tip"])[0])
    assert attacked[goal] - 60 > 60
    assert 20 < attacked[round(x)] - 60 < 80
    assert attacked[(goal + round(x)) // 2] - 60 < 15


def test_a_smaller_network_is_softer(face_scene):
    def detail(network_px: float) -> float:
        network = replace(PLAIN.network, network_px=network_px)
        drawn = replace(PLAIN, network=network)
        return energy(apply_reenactment(face_scene, drawn).pixels, low=0.3, high=0.5)

    assert detail(24) < detail(40) < detail(70)


@pytest.mark.parametrize("variant", reenactment.VARIANTS)
def test_drawn_motions_do_not_fold_the_face(variant):
    rng = np.random.default_rng(0)
    for _ in range(12):
        warp = warp_of(
            draw_reenactment(rng, variant=variant).motion, np.array([[100.0, 0, 60], [0, 100, 70]])
        )
        dx, dy = (1 * plane for plane in warp.planes((slice(0, 240), slice(0, 220))))
        stretch = (1 + np.diff(dx, axis=1)[:-1]) * (1 + np.diff(dy, axis=0)[:, :-1])
        assert (stretch - np.diff(dx, axis=0)[:, :-1] * np.diff(dy, axis=1)[:-1]).min() > 0.05


def test_talking_leaves_the_eyes_alone(face_scene):
    for seed in range(5):
        mask = reenactment_mask(face_scene, SPECIES.drawn(seed, variant="talking"))
        top = round(face_scene.face.y1 + 0.35 * face_scene.face.side)
        assert mask[:top].max() == 0
        assert mask.max() == 1


def test_a_face_outside_the_picture_changes_nothing(face_scene):
    away = replace(face_scene, face=Box(900, 900, 990, 990))
    out = apply_reenactment(away, PLAIN)
    assert (out.pixels == away.pixels).all()
    assert out.face == away.face


def test_same_generator_same_bytes(face_scene):
    SPECIES.assert_same_generator_same_bytes(face_scene)


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
