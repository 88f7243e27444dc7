"""Faces behind a near and a far camera."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bonaface.attacks.scene import Scene
from bonaface.contract import InputContract
from bonaface.data import dataset as room
from bonaface.data.augmentation import Augmentation
from bonaface.data.dataset import LabelledScene, Mixture, SimulatedFaces
from bonaface.data.distance import (
    FARTHEST_PX,
    NEAREST_PX,
    at_distance,
    drawn_face_px,
    largest_face_px,
)
from bonaface.data.scenes import MAX_FACE_PX
from bonaface.types import Box
from bonaface.vocabulary import BONAFIDE

STILL = Augmentation(
    flip=0, background=0, grey=0, rendering=0, lighting=0, turn_deg=0, shift_ratio=0, zoom_ratio=0
)


def scene_of(face_px: int, *, seed: int = 0) -> Scene:
    """White noise about a face of that side, with a point in its middle."""
    size, room = 2 * face_px, face_px // 2
    pixels = np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)
    middle = np.full((5, 2), face_px - 0.5, np.float32)
    return Scene(pixels, Box(room, room, room + face_px, room + face_px), middle)


def drawn(chance: float, count: int = 2000) -> np.ndarray:
    rng = np.random.default_rng(5)
    return np.array([drawn_face_px(rng, Augmentation(distance=chance)) for _ in range(count)])


def test_without_a_chance_every_face_is_of_one_size():
    assert set(drawn(0.0)) == {MAX_FACE_PX}
    assert largest_face_px(Augmentation()) == MAX_FACE_PX
    assert largest_face_px(Augmentation(distance=0.1)) == NEAREST_PX


def test_far_and_near_are_alike_likely_and_even_in_the_logarithm():
    sides = drawn(1.0)
    assert sides.min() >= FARTHEST_PX
    assert sides.max() <= NEAREST_PX
    far, near = sides[sides < MAX_FACE_PX], sides[sides > MAX_FACE_PX]
    assert len(far) / len(sides) == pytest.approx(0.5, abs=0.04)  # four standard errors
    for part, end in ((far, FARTHEST_PX), (near, NEAREST_PX)):
        assert np.median(part) == pytest.approx((end * MAX_FACE_PX) ** 0.5, rel=0.06)
    assert np.mean(drawn(0.3) == MAX_FACE_PX) == pytest.approx(0.7, abs=0.05)


@pytest.mark.parametrize("face_px", [52.0, 97.3, 160.0, 161.0, 320.0])
def test_box_and_landmarks_follow(face_px):
    found = at_distance(scene_of(200), face_px)
    assert found.face.side == pytest.approx(face_px)
    assert found.size == (round(2 * face_px),) * 2
    assert found.landmarks is not None
    np.testing.assert_allclose(found.landmarks, face_px - 0.5, rtol=1e-5)


def test_a_face_of_few_pixels_has_less_detail_and_a_near_one_no_more():
    noise = scene_of(200)
    mean_step = [
        np.abs(np.diff(at_distance(noise, side).pixels.astype(float), axis=1)).mean()
        for side in (60.0, 199.0)
    ]
    assert mean_step[0] < 0.5 * mean_step[1]
    back = at_distance(at_distance(noise, 320.0), 200.0)
    assert np.corrcoef(back.pixels.ravel(), noise.pixels.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(("side", "face_px"), [(160, 160.0), (100, 160.0), (100, 130.0)])
def test_what_is_small_already_stays(side, face_px):
    scene = scene_of(side)
    assert at_distance(scene, face_px) is scene


def test_a_small_face_grows_before_a_near_camera():
    assert at_distance(scene_of(100), 250.0).face.side == pytest.approx(250)


def faces(monkeypatch, seen, **changes) -> SimulatedFaces:
    """Samples whose attack leaves the picture as it is, and which write down what was attacked and captured."""

    def attack(scene, name, rng, *, partner, **_):
        seen.append((scene.face.side, partner.face.side))
        return scene, {}

    monkeypatch.setattr(room, "attacked", attack)
    people = [LabelledScene(scene_of(200, seed=n), BONAFIDE, f"person {n}") for n in range(3)]
    how = {
        "contract": InputContract(size=32),
        "mixture": Mixture(shares={"morph": 1.0}),
        "augmentation": replace(STILL, distance=1.0),
        "length": 20,
        "seed": 1,
        **changes,
    }
    return SimulatedFaces(people, **how)


def test_twins_and_the_second_person_stand_at_one_distance(monkeypatch):
    seen: list[tuple[float, float]] = []
    samples = faces(monkeypatch, seen)
    for first in range(0, 20, 2):
        assert torch.equal(samples[first]["crop"], samples[first + 1]["crop"])
    own, partners = np.array(seen).T
    np.testing.assert_allclose(own, partners)
    assert own.min() < 100
    assert own.max() > 200
    assert len(set(own)) == 10


def test_another_epoch_is_another_distance(monkeypatch):
    seen: list[tuple[float, float]] = []
    samples = faces(monkeypatch, seen)
    samples[1]
    samples.set_epoch(1)
    samples[1]
    assert seen[0] != seen[1]
