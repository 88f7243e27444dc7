from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from bonaface.attacks.capture import CLEAN, CaptureParameters, apply_capture
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS
from bonaface.data.chains import chain_named
from bonaface.data.samples import (
    FRAMING,
    attacked,
    captured,
    captured_mask,
    cut_to,
    drawn_frame,
    encoded,
    family_targets,
    framed,
)
from bonaface.errors import SimulationError
from bonaface.types import Box
from bonaface.vocabulary import FAMILIES, SPECIES, Family, Species, species_named

CHAINS = (*SIMULATIONS, "faceswap+print", "swap+replay", "print+injection")


def scene(seed: int = 5) -> Scene:
    smooth = np.linspace(40, 200, 80)[:, None] + np.linspace(-20, 20, 72)[None, :]
    noise = np.random.default_rng(seed).normal(0, 8, (80, 72, 3))
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


@pytest.mark.parametrize(
    ("name", "targets", "known"),
    [
        ("faceswap+print", [1, 1], [1, 1]),  # a printed forgery is both, and known to be
        ("print+faceswap", [1, 1], [1, 1]),
        ("print+replay", [1, 0], [1, 0]),
        ("faceswap+sdsc", [0, 1], [1, 1]),
    ],
)
def test_what_a_chain_teaches(name, targets, known):
    got_targets, got_known = family_targets(species_named(name))
    assert (got_targets.tolist(), got_known.tolist()) == (targets, known)


@pytest.mark.parametrize("name", SPECIES)
def test_every_species_of_the_vocabulary_teaches_something(name):
    targets, known = family_targets(SPECIES[name])
    assert known.any()
    assert bool(targets.any()) == (SPECIES[name].family is not None)


@pytest.mark.parametrize("name", CHAINS)
def test_the_same_generator_gives_the_same_attack(name):
    first, drawn = attacked(scene(), name, np.random.default_rng(1), strength=1.2, partner=scene(6))
    second, again = attacked(scene(), name, np.random.default_rng(1), strength=1.2, partner=scene(6))
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert first.face == second.face
    assert drawn == again
    assert (first.pixels != scene().pixels).any()


@pytest.mark.parametrize("name", CHAINS)
def test_the_scene_stays_as_it_is(name):
    before, partner = scene(), scene(6)
    attacked(before, name, np.random.default_rng(2), partner=partner)
    captured(before, np.random.default_rng(2), strength=1.2)
    np.testing.assert_array_equal(before.pixels, scene().pixels)
    np.testing.assert_array_equal(partner.pixels, scene(6).pixels)
    assert before.face == scene().face


@pytest.mark.parametrize("name", CHAINS)
def test_what_was_drawn_replays_the_attack_from_text(name):
    made, drawn = attacked(scene(), name, np.random.default_rng(3), partner=scene(6))
    chain = chain_named(name)
    again = chain.applied(scene(), chain.from_json(json.loads(json.dumps(drawn))), scene(6))
    np.testing.assert_array_equal(again.pixels, made.pixels)


def test_a_chain_is_one_attack_after_the_other():
    rng = np.random.default_rng(9)
    swap, print_ = SIMULATIONS["swap"].drawn(rng), SIMULATIONS["print"].drawn(rng)
    between = SIMULATIONS["swap"].applied(scene(), swap, scene(6))
    wanted = SIMULATIONS["print"].applied(between, print_)
    made, drawn = attacked(scene(), "swap+print", np.random.default_rng(9), partner=scene(6))
    np.testing.assert_array_equal(made.pixels, wanted.pixels)
    assert isinstance(drawn, list)
    assert [set(one) for one in drawn] == [set(swap.__slots__), set(print_.__slots__)]


def test_variants_of_a_simulation_and_of_the_steps_of_a_chain():
    rng = np.random.default_rng(4)
    for variant in SIMULATIONS["faceswap"].variants:
        _, drawn = attacked(scene(), "faceswap", rng, variant=variant)
        assert drawn["blend"] == variant
        _, steps = attacked(scene(), "print+faceswap", rng, variant={"faceswap": variant})
        assert steps[1]["blend"] == variant
    with pytest.raises(SimulationError) as e:
        attacked(scene(), "faceswap+print", rng, variant="alpha")
    assert str(e.value) == (
        "variants of a chain must be given by step; got 'alpha' for faceswap+print; "
        "say which step it is of: faceswap, print"
    )
    with pytest.raises(SimulationError, match="did you mean 'alpha'"):
        attacked(scene(), "faceswap", rng, variant="alhpa")


def test_attacks_that_can_not_be_made_are_refused():
    for name in ("bonafide", "diffusion", "diffusion+print"):
        with pytest.raises(SimulationError, match="a simulated attack must be one of"):
            attacked(scene(), name, np.random.default_rng(4))
    for name in ("swap", "morph", "swap+print"):
        with pytest.raises(SimulationError, match="needs a picture of a second person; got none"):
            attacked(scene(), name, np.random.default_rng(4))


def test_a_capture_is_drawn_alike_and_told():
    first, drawn = captured(scene(), np.random.default_rng(8), strength=1.0)
    second, again = captured(scene(), np.random.default_rng(8), strength=1.0)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    assert drawn == again
    assert isinstance(drawn, CaptureParameters)


@pytest.mark.parametrize(("turn_deg", "zoom"), [(0.0, 1.0), (3.0, 1.0), (-4.0, 1.2)])
def test_a_mask_is_where_the_camera_sees_the_change(turn_deg, zoom):
    from dataclasses import replace

    rng = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(rng.uniform(0, 255, (200, 180, 3)), (0, 0), 6)
    before = Scene(
        cv2.normalize(smooth, None, 40, 200, cv2.NORM_MINMAX).astype(np.uint8), Box(50, 60, 130, 140)
    )
    pixels, mask = before.pixels.copy(), np.zeros((200, 180), np.float32)
    pixels[80:125, 70:110] += 40
    mask[80:125, 70:110] = 1
    frame = drawn_frame(before, rng)
    camera = replace(CLEAN, turn_deg=turn_deg, zoom=zoom)
    seen = [
        apply_capture(cut_to(Scene(p, before.face), frame), camera).pixels for p in (before.pixels, pixels)
    ]
    changed = np.abs(seen[1].astype(int) - seen[0]).max(axis=2)
    moved = captured_mask(mask, frame, camera)
    assert moved.shape == changed.shape
    near = cv2.dilate(moved, np.ones((5, 5)))  # bicubic ringing reaches two pixels beyond the edge
    assert (changed[near == 0] == 0).all()
    assert (changed[moved == 1] >= 36).all()
    assert abs(float(moved.sum()) - (changed > 20).sum()) < 0.01 * moved.sum()
    if turn_deg == 0:
        assert moved.sum() == mask.sum()


def test_a_file_is_a_jpeg_of_the_scene():
    read = cv2.imdecode(np.frombuffer(encoded(scene()), np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(read[..., ::-1].astype(int) - scene().pixels).mean() < 6


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
