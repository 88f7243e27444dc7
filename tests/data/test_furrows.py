"""Folds of genuine faces: where they lie, what light they take."""

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.scene import Scene
from bonaface.data import furrows
from bonaface.data.augmentation import Augmentation, augmented
from bonaface.data.furrows import REGIONS, with_furrows
from bonaface.types import Box

BOX = Box(70, 80, 170, 180)
SKIN = (190, 140, 115)


def smooth() -> Scene:
    return Scene(np.full((240, 240, 3), SKIN, np.uint8), BOX)


def shares_that_changed(scene: Scene) -> np.ndarray:
    """(pixels, 2) x and y in shares of the box, of what became darker by more than three steps."""
    y, x = np.nonzero(scene.pixels[..., 1].astype(int) < SKIN[1] - 3)
    return np.stack([(x - BOX.x1) / BOX.side, (y - BOX.y1) / BOX.side], axis=1)


def test_the_same_generator_gives_the_same_bytes_and_the_scene_stays():
    scene = smooth()
    before = scene.pixels.tobytes()
    once, again, other = (
        with_furrows(scene, np.random.default_rng(seed)).pixels.tobytes() for seed in (1, 1, 2)
    )
    assert once == again != other
    assert scene.pixels.tobytes() == before


def test_box_and_landmarks_stay():
    points = (BOX.x1, BOX.y1) + BOX.side * np.array(
        [[0.28, 0.27], [0.72, 0.27], [0.5, 0.52], [0.3, 0.7], [0.7, 0.7]]
    )
    scene = replace(smooth(), landmarks=points.astype(np.float32))
    found = with_furrows(scene, np.random.default_rng(0))
    assert found.face == scene.face
    np.testing.assert_array_equal(found.landmarks, scene.landmarks)


@pytest.mark.parametrize(
    ("region", "left", "top", "right", "bottom"),
    [
        ("forehead", 0.05, -0.35, 0.95, 0.2),
        ("between_brows", 0.35, -0.05, 0.65, 0.35),
        ("nose", 0.35, 0.15, 0.65, 0.55),
        ("about_eyes", 0.0, 0.1, 1.0, 0.5),
        ("beside_mouth", 0.1, 0.45, 0.9, 1.0),
        ("chin", 0.3, 0.7, 0.7, 1.0),
    ],
)
def test_folds_lie_in_their_region(monkeypatch, region, left, top, right, bottom):
    monkeypatch.setattr(furrows, "REGIONS", {region: REGIONS[region]})
    places = [shares_that_changed(with_furrows(smooth(), np.random.default_rng(seed))) for seed in range(12)]
    assert sum(len(found) > 0 for found in places) > 8
    found = np.concatenate(places)
    assert (found >= (left, top)).all()
    assert (found <= (right, bottom)).all()


def test_folds_take_light_and_most_of_it_from_blue():
    changes = np.array(
        [
            with_furrows(smooth(), np.random.default_rng(seed)).pixels.astype(float) / SKIN
            for seed in range(20)
        ]
    )
    deepest = changes.min(axis=(1, 2))
    assert (deepest[:, 2] < deepest[:, 0]).all()
    assert 0.3 < deepest[:, 1].min() < 0.75
    assert deepest[:, 1].max() > 0.85
    assert changes.max() < 1.3, "skin beside a fold swells, and does not shine"


def test_what_is_no_skin_stays_as_it_is():
    """Everything above the brows has the colour of hair."""
    scene = smooth()
    hairline = int(BOX.y1 + 0.05 * BOX.side)
    pixels = scene.pixels.copy()
    pixels[:hairline] = (30, 60, 120)
    for seed in range(8):
        found = with_furrows(Scene(pixels, BOX), np.random.default_rng(seed))
        assert np.abs(found.pixels[:hairline].astype(int) - pixels[:hairline]).max() <= 3


def test_landmarks_that_span_no_face_leave_the_scene_unchanged():
    crowded = replace(smooth(), landmarks=np.full((5, 2), 100, np.float32))
    assert with_furrows(crowded, np.random.default_rng(0)) is crowded


def test_a_face_outside_the_picture_is_no_error():
    away = replace(smooth(), face=Box(900, 900, 1000, 1000))
    assert with_furrows(away, np.random.default_rng(0)) is away


def test_augmentation_gives_furrows_by_chance_and_draws_nothing_without():
    still = dict.fromkeys(
        ("flip", "background", "grey", "rendering", "lighting", "turn_deg", "shift_ratio", "zoom_ratio"), 0.0
    )

    def share(furrowed: float) -> float:
        how = Augmentation(**still, furrows=furrowed)
        shown = (augmented(smooth(), smooth(), how, np.random.default_rng(seed)) for seed in range(60))
        return float(np.mean([(scene.pixels != SKIN).any() for scene in shown]))

    assert share(0.0) == 0
    assert 0.3 < share(0.5) < 0.7
