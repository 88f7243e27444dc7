from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.motion import Motion
from bonaface.attacks.scene import Scene
from bonaface.data import expression
from bonaface.data.expression import with_expression
from bonaface.types import Box


def noisy(height: int = 180, width: int = 190) -> Scene:
    """A wall of warm noise with a face's box in the middle: whatever moves shows."""
    noise = np.random.default_rng(0).normal((180, 140, 110), 25, (height, width, 3))
    return Scene(noise.clip(0, 255).astype(np.uint8), Box(60, 50, 130, 120))


SCENE = noisy()


def changed(seed: int, scene: Scene = SCENE) -> Scene:
    return with_expression(scene, np.random.default_rng(seed))


def test_the_same_generator_gives_the_same_bytes_and_the_scene_stays():
    before = SCENE.pixels.tobytes()
    assert changed(3).pixels.tobytes() == changed(3).pixels.tobytes()
    assert changed(3).pixels.tobytes() != changed(4).pixels.tobytes()
    assert SCENE.pixels.tobytes() == before
    assert changed(3).face == SCENE.face


def test_far_from_the_face_nothing_moves():
    y, x = np.mgrid[: SCENE.size[0], : SCENE.size[1]]
    box = SCENE.face
    away = (
        np.maximum(abs(x - box.center[0]), abs(y - box.center[1])) > (0.5 + expression.REACH) * box.side + 1
    )
    for seed in range(6):
        np.testing.assert_array_equal(changed(seed).pixels[away], SCENE.pixels[away])


def test_landmarks_go_where_the_mouth_goes(monkeypatch):
    """A smile alone takes the corners of the mouth apart and up, and leaves the eyes."""
    smile = Motion(
        brow_raise=0.0, frown=0.0, eye_close=0.0, smile=0.06, mouth_open=0.0,
        yaw_deg=0.0, pitch_deg=0.0, roll_deg=0.0,
    )  # fmt: skip
    monkeypatch.setattr(expression, "_drawn", lambda rng: smile)
    box = SCENE.face
    points = np.array([[0.28, 0.27], [0.72, 0.27], [0.5, 0.52], [0.3, 0.705], [0.7, 0.705]]) * box.side
    points += (box.x1, box.y1)
    known = replace(SCENE, landmarks=points.astype(np.float32))
    found = changed(0, known)
    assert found.landmarks is not None and known.landmarks is not None
    moved = (found.landmarks - known.landmarks) / box.side
    assert moved[3, 0] < -0.02 < 0.02 < moved[4, 0]
    assert moved[3:, 1].max() < -0.02
    assert np.abs(moved[:2]).max() < 0.01


def test_a_flat_face_stays_flat_unless_its_mouth_opens(monkeypatch):
    """Pixels are moved and none is drawn: what has no detail has none afterwards, and no other brightness."""
    flat = Scene(np.full((160, 160, 3), 120, np.uint8), Box(40, 40, 120, 120))
    draw = expression._drawn

    def closed(rng: np.random.Generator) -> Motion:
        return replace(draw(rng), mouth_open=0.0)

    monkeypatch.setattr(expression, "_drawn", closed)
    for seed in range(5):
        np.testing.assert_array_equal(changed(seed, flat).pixels, flat.pixels)


@pytest.mark.parametrize(
    "scene",
    [
        Scene(np.full((80, 80, 3), 90, np.uint8), Box(900, 900, 990, 990)),
        Scene(
            np.full((80, 80, 3), 90, np.uint8), Box(10, 10, 70, 70),
            np.full((5, 2), 30, np.float32),
        ),
    ],
    ids=["outside", "crowded landmarks"],
)  # fmt: skip
def test_a_face_that_can_not_be_moved_comes_back_as_it_is(scene):
    np.testing.assert_array_equal(changed(1, scene).pixels, scene.pixels)


def test_drawn_expressions_do_not_fold_the_face():
    rng = np.random.default_rng(0)
    for _ in range(40):
        motion = expression._drawn(rng)
        warp = expression.warp_of(motion, np.array([[100.0, 0, 60], [0, 100, 70]]))
        dx, dy = (1 * plane for plane in warp.planes((slice(0, 240), slice(0, 220))))
        stretch = (1 + np.diff(dx, axis=1)[:-1]) * (1 + np.diff(dy, axis=0)[:, :-1])
        assert (stretch - np.diff(dx, axis=0)[:, :-1] * np.diff(dy, axis=1)[:-1]).min() > 0.02
