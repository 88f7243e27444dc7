from __future__ import annotations

import json

import numpy as np
import pytest

from bonaface.attacks.capture import CaptureParameters
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS, parameters_from_json
from bonaface.data.samples import FRAMING, attacked, captured, family_targets, framed, parameters_text
from bonaface.types import Box
from bonaface.vocabulary import BONAFIDE, FAMILIES, SPECIES, Family, Species


def scene() -> Scene:
    smooth = np.linspace(40, 200, 80)[:, None] + np.linspace(-20, 20, 72)[None, :]
    noise = np.random.default_rng(5).normal(0, 8, (80, 72, 3))
    return Scene(np.clip(smooth[..., None] + noise, 0, 255).astype(np.uint8), Box(18, 22, 54, 58))


@pytest.mark.parametrize(
    ("family", "targets", "known"),
    [
        (None, [0, 0], [1, 1]),  # neither paper or screen, nor a forged face
        (Family.PHYSICAL, [1, 0], [1, 0]),  # what is on the paper may be anything
        (Family.DIGITAL, [0, 1], [1, 1]),
    ],
)
def test_what_each_family_teaches(family, targets, known):
    got_targets, got_known = family_targets(Species("any", family, ""))
    assert FAMILIES == (Family.PHYSICAL, Family.DIGITAL)
    assert got_targets.tolist() == targets
    assert got_known.tolist() == known
    assert got_targets.dtype == got_known.dtype == np.float32


@pytest.mark.parametrize("name", SPECIES)
def test_every_species_of_the_vocabulary_teaches_something(name):
    targets, known = family_targets(SPECIES[name])
    assert known.any()
    assert bool(targets.any()) == (SPECIES[name].family is not None)


@pytest.mark.parametrize("name", SIMULATIONS)
def test_the_same_generator_gives_the_same_attack(name):
    first, drawn = attacked(scene(), SPECIES[name], np.random.default_rng(1), strength=1.2)
    second, again = attacked(scene(), SPECIES[name], np.random.default_rng(1), strength=1.2)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.face == second.face
    assert drawn == again
    assert (first.pixels != scene().pixels).any()


@pytest.mark.parametrize("name", SIMULATIONS)
def test_the_scene_stays_as_it_is(name):
    before = scene()
    attacked(before, SPECIES[name], np.random.default_rng(2))
    captured(before, np.random.default_rng(2), strength=1.2)
    np.testing.assert_array_equal(before.pixels, scene().pixels)
    assert before.face == scene().face


@pytest.mark.parametrize("name", SIMULATIONS)
def test_what_was_drawn_replays_the_attack_from_text(name):
    made, drawn = attacked(scene(), SPECIES[name], np.random.default_rng(3))
    read = json.loads(parameters_text(drawn, {}))["attack"]
    replayed = SIMULATIONS[name].apply(scene(), parameters_from_json(name, read))
    np.testing.assert_array_equal(replayed.pixels, made.pixels)


@pytest.mark.parametrize("species", [BONAFIDE, SPECIES["diffusion"], Species("own", Family.PHYSICAL, "")])
def test_what_nothing_simulates_stays_as_it_is_and_draws_nothing(species):
    before, rng = scene(), np.random.default_rng(4)
    after, drawn = attacked(before, species, rng)
    assert after is before
    assert drawn == {}
    assert rng.random() == np.random.default_rng(4).random()


def test_a_capture_is_drawn_alike_and_told():
    first, drawn = captured(scene(), np.random.default_rng(8), strength=1.0)
    second, again = captured(scene(), np.random.default_rng(8), strength=1.0)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert drawn == again
    assert set(drawn) == set(CaptureParameters.__dataclass_fields__)
    assert (first.pixels != scene().pixels).any()


def test_both_draws_are_one_sorted_text():
    text = parameters_text({"z": 1, "a": [0.1]}, {"seed": 3})
    assert text == '{"attack": {"a": [0.1], "z": 1}, "capture": {"seed": 3}}'


def test_a_frame_follows_its_face_and_keeps_its_drawn_room():
    pixels = np.zeros((300, 300, 3), np.uint8)
    pixels[100:200, 110:210] = 255
    rng, rooms = np.random.default_rng(6), []
    for _ in range(60):
        cut = framed(Scene(pixels, Box(110, 100, 210, 200)), rng)
        y, x = np.nonzero(cut.pixels[..., 0])
        assert (x.min(), y.min(), x.max() + 1, y.max() + 1) == (
            cut.face.x1,
            cut.face.y1,
            cut.face.x2,
            cut.face.y2,
        )
        height, width = cut.size
        rooms += [cut.face.x1, cut.face.y1, width - cut.face.x2, height - cut.face.y2]
    assert 100 * FRAMING[0] <= min(rooms) < 18
    assert 32 < max(rooms) <= 100 * FRAMING[1]


def test_a_frame_ends_where_its_picture_ends():
    whole = Scene(np.full((40, 40, 3), 7, np.uint8), Box(0, 0, 40, 40))
    cut = framed(whole, np.random.default_rng(7))
    assert cut.face == whole.face
    np.testing.assert_array_equal(cut.pixels, whole.pixels)
