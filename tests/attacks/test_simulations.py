from __future__ import annotations

import json

import numpy as np
import pytest

from bonaface.attacks.capture import CaptureParameters, apply_capture, draw_capture
from bonaface.attacks.scene import Scene, face_window
from bonaface.attacks.simulations import (
    SIMULATIONS,
    parameters_from_json,
    parameters_to_json,
    simulation_named,
)
from bonaface.errors import SimulationError
from bonaface.types import Box
from bonaface.vocabulary import SPECIES, Label

from .conftest import make_scene

NAMES = list(SIMULATIONS)


MOVED = ["print", "replay", "cutout", "spsc", "faceswap", "sdsc"]
"""Simulations that leave a ring where the face is recognisable as one."""

PARTNER = make_scene(180, 190)


def test_the_simulated_species():
    assert NAMES == [
        "print", "replay", "cutout", "paper_mask", "mask_3d", "spsc", "rendition", "faceswap", "swap", "sdsc", "patchwork",
        "reenactment", "attribute_edit", "morph", "generated", "injection",
    ]  # fmt: skip
    assert all(SIMULATIONS[name].species is SPECIES[name] for name in NAMES if name != "swap")
    assert SIMULATIONS["swap"].species is SPECIES["faceswap"]
    assert all(SIMULATIONS[name].species.label is Label.ATTACK for name in NAMES)
    assert [name for name in NAMES if SIMULATIONS[name].needs_partner] == ["paper_mask", "swap", "morph"]


@pytest.mark.parametrize("name", [name for name in NAMES if SIMULATIONS[name].variants])
def test_draws_can_be_held_to_a_variant(name, face_scene):
    simulation = SIMULATIONS[name]
    assert len(simulation.variants) >= 3
    seen = set()
    for variant in simulation.variants:
        parameters = simulation.drawn(np.random.default_rng(3), variant=variant)
        assert parameters == simulation.draw(np.random.default_rng(3), variant=variant)
        seen.add(simulation.applied(face_scene, parameters, PARTNER).pixels.tobytes())
    assert len(seen) == len(simulation.variants)
    with pytest.raises(
        SimulationError, match=f"a variant of {name} must be one of {simulation.variants[0]}, "
    ):
        simulation.drawn(np.random.default_rng(3), variant="none of them")


def test_a_simulation_without_variants_says_so():
    with pytest.raises(SimulationError, match="a variant of spsc must be one of ; got 'fine'"):
        SIMULATIONS["spsc"].drawn(np.random.default_rng(0), variant="fine")


WHOLE_PICTURE = {"print", "replay", "cutout", "spsc", "injection"}
"""Shown to a camera that sees colours, or between camera and gate: what is grey there may come back warm or cold, all of it."""


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WHOLE_PICTURE])
def test_what_is_put_into_a_grey_picture_is_grey(name, odd_scenes):
    simulation, grey = SIMULATIONS[name], odd_scenes["grey"]
    for variant in simulation.variants or (None,):
        for seed in range(6):
            parameters = simulation.drawn(np.random.default_rng(seed), variant=variant, strength=1.5)
            pixels = simulation.applied(grey, parameters, PARTNER).pixels
            assert np.ptp(pixels, axis=2).max() <= 2, (variant, seed)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_changes_outside_the_mask(name, face_scene):
    simulation = SIMULATIONS[name]
    parameters = simulation.drawn(np.random.default_rng(8))
    mask = simulation.mask_of(face_scene, parameters, PARTNER)
    assert mask.shape == face_scene.size
    assert mask.dtype == np.float32
    assert 0 <= mask.min() <= mask.max() <= 1
    attacked = simulation.applied(face_scene, parameters, PARTNER)
    np.testing.assert_array_equal(attacked.pixels[mask == 0], face_scene.pixels[mask == 0])


@pytest.mark.parametrize("name", ["paper_mask", "swap", "morph"])
def test_a_second_person_must_be_there(name, face_scene):
    simulation = SIMULATIONS[name]
    parameters = simulation.draw(np.random.default_rng(0))
    with pytest.raises(
        SimulationError, match=f"{name} needs a picture of a second person; got none; give one"
    ):
        simulation.applied(face_scene, parameters)
    with pytest.raises(SimulationError, match="needs a picture of a second person"):
        simulation.mask_of(face_scene, parameters)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_same_generator_same_bytes_and_the_input_is_untouched(name, seed, face_scene):
    simulation = SIMULATIONS[name]
    before = face_scene.pixels.tobytes()
    first = simulation.draw(np.random.default_rng(seed))
    second = simulation.draw(np.random.default_rng(seed))
    assert first == second
    assert isinstance(first, simulation.parameters)
    one, two = (simulation.applied(face_scene, drawn, PARTNER) for drawn in (first, second))
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert one.face == two.face
    assert face_scene.pixels.tobytes() == before
    assert one.pixels is not face_scene.pixels
    assert one.pixels.tobytes() != before
    assert simulation.draw(np.random.default_rng(seed + 100)) != first


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(4))
def test_parameters_survive_json_to_the_byte(name, seed, face_scene):
    simulation = SIMULATIONS[name]
    drawn = simulation.draw(np.random.default_rng(seed), strength=1.2)
    text = json.dumps(parameters_to_json(drawn), allow_nan=False)
    restored = parameters_from_json(name, json.loads(text))
    assert restored == drawn
    assert hash(restored) == hash(drawn)
    assert (
        simulation.applied(face_scene, restored, PARTNER).pixels.tobytes()
        == simulation.applied(face_scene, drawn, PARTNER).pixels.tobytes()
    )


def functions(name):
    """draw(rng, strength=...) and apply(scene, parameters)."""
    if name == "capture":
        return draw_capture, apply_capture
    return SIMULATIONS[name].draw, lambda scene, drawn: SIMULATIONS[name].applied(scene, drawn, PARTNER)


@pytest.mark.parametrize("name", [*NAMES, "capture"])
@pytest.mark.parametrize("strength", [0.2, 1.0, 1.5])
def test_odd_scenes_give_pictures_of_their_own_size(name, strength, odd_scenes):
    draw, apply = functions(name)
    rng = np.random.default_rng(11)
    for scene in odd_scenes.values():
        for _ in range(6):
            attacked = apply(scene, draw(rng, strength=strength))
            assert attacked.pixels.shape == scene.pixels.shape
            assert attacked.pixels.dtype == np.uint8
            assert np.isfinite([attacked.face.x1, attacked.face.y1, attacked.face.side]).all()


@pytest.mark.parametrize("name", [*MOVED, "capture"])
def test_the_box_follows_the_face(name):
    """A bright ring marks the face's centre; after the attack it is found about the new box's centre.

    SDSC shifts a face by up to 2 % of the picture and leaves the box.
    """
    y, x = np.mgrid[:160, :180]
    box = Box(60, 50, 130, 120)
    distance = np.hypot(x - box.center[0], y - box.center[1])
    pixels = np.full((160, 180, 3), 40, np.uint8)
    pixels[distance < 12] = (230, 235, 225)
    scene = Scene(pixels, box)
    draw, apply = functions(name)
    for seed in range(12):
        parameters = draw(np.random.default_rng(seed))
        sheet = getattr(parameters, "sheet", parameters)
        if getattr(parameters, "glare", 0) or getattr(sheet, "gloss", 0) or _shows_edge(sheet):
            continue
        attacked = apply(scene, parameters)
        cx, cy = attacked.face.center
        near = np.hypot(x - cx, y - cy) < 30
        grey = attacked.pixels.astype(float).mean(axis=2)
        weight = np.where(near, np.clip(grey - np.median(grey[near]) - 40, 0, None), 0)
        found = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()
        assert found == pytest.approx((cx, cy), abs=5 if name == "sdsc" else 2.5), (
            name,
            seed,
        )


def _shows_edge(parameters: object) -> bool:
    view = getattr(parameters, "view", None)
    return view is not None and not view.fills_frame


@pytest.mark.parametrize("name", ["print", "replay"])
def test_tone_does_not_give_print_and_replay_away(name, face_scene):
    simulation = SIMULATIONS[name]
    rng = np.random.default_rng(5)
    drawn = [simulation.draw(rng) for _ in range(800)]
    ratios = np.log([p.exposure_ratio for p in drawn])
    assert ratios.mean() == pytest.approx(0, abs=0.02)
    assert ratios.min() < -0.14
    assert ratios.max() > 0.14
    for parameters in drawn[:30]:
        attacked = simulation.apply(face_scene, parameters)
        assert face_mean(attacked) / face_mean(face_scene) == pytest.approx(
            parameters.exposure_ratio, rel=0.03
        )


def face_mean(scene: Scene) -> float:
    rows, columns = face_window(*scene.size, scene.face)
    return float(scene.pixels[rows, columns].mean())


@pytest.mark.parametrize("name", NAMES)
def test_more_strength_changes_more(name, face_scene):
    simulation = SIMULATIONS[name]

    def change(strength: float) -> float:
        rng = np.random.default_rng(1)
        attacked = [
            simulation.applied(face_scene, simulation.draw(rng, strength=strength), PARTNER)
            for _ in range(16)
        ]
        return float(np.mean([np.abs(a.pixels.astype(int) - face_scene.pixels).mean() for a in attacked]))

    assert change(0.25) < change(1.5)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(SimulationError, match="did you mean 'replay'"):
        simulation_named("reply")
    assert simulation_named("print") is SIMULATIONS["print"]


def test_json_that_does_not_fit_is_refused():
    good = parameters_to_json(SIMULATIONS["spsc"].draw(np.random.default_rng(0)))
    with pytest.raises(SimulationError, match="no field 'hues'; did you mean 'hue'"):
        parameters_from_json("spsc", {**good, "hues": 1})
    with pytest.raises(SimulationError, match="missing hue"):
        parameters_from_json("spsc", {key: value for key, value in good.items() if key != "hue"})
    with pytest.raises(SimulationError, match=r"SpscParameters\.hue must be a float; got 'red'"):
        parameters_from_json("spsc", {**good, "hue": "red"})
    with pytest.raises(SimulationError, match=r"SpscParameters\.order must be a list"):
        parameters_from_json("spsc", {**good, "order": 3})
    with pytest.raises(SimulationError, match=r"SpscParameters\.seed must be a int"):
        parameters_from_json("spsc", {**good, "seed": True})
    printed = parameters_to_json(SIMULATIONS["print"].draw(np.random.default_rng(0)))
    with pytest.raises(SimulationError, match="View must be a mapping"):
        parameters_from_json("print", {**printed, "view": [1, 2]})


def test_capture_parameters_are_plain_too(face_scene):
    drawn = draw_capture(np.random.default_rng(7))
    restored = CaptureParameters(
        **{key: tuple(v) if isinstance(v, list) else v for key, v in parameters_to_json(drawn).items()}
    )
    assert (
        apply_capture(face_scene, restored).pixels.tobytes()
        == apply_capture(face_scene, drawn).pixels.tobytes()
    )
