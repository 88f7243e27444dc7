from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.medium import STEPS, TELLING
from bonaface.attacks.rendition import (
    RenditionParameters,
    apply_rendition,
    draw_rendition,
    rendition_mask,
)
from bonaface.attacks.seam import InnerFace
from bonaface.errors import SimulationError

from .conftest import make_scene

PAPER = RenditionParameters(
    seed=1,
    steps=("textured",),
    amounts=(1.0,),
    is_worn=False,
    region=InnerFace(seed=0, half_width=0.4, top=0.5, bottom=0.5, flatness=2.0, unevenness=0.0, edge=0.05),
)


@pytest.mark.parametrize("name", list(STEPS))
@pytest.mark.parametrize("amount", [0.05, 0.5, 1.5])
def test_every_step_gives_a_picture_of_the_same_size(name, amount, face_scene):
    for pixels in (face_scene.pixels, face_scene.pixels[:3, :5], face_scene.pixels[40:41, 10:60]):
        made = STEPS[name](np.ascontiguousarray(pixels), amount, 80.0, np.random.default_rng(0))
        assert made.shape == pixels.shape
        assert made.dtype == np.uint8


@pytest.mark.parametrize("name", list(STEPS))
def test_every_step_shows_all_over_the_picture(name, face_scene):
    made = apply_rendition(face_scene, replace(PAPER, steps=(name,)))
    assert np.abs(made.pixels.astype(int) - face_scene.pixels).mean() > 0.3
    assert made.face == face_scene.face
    assert (rendition_mask(face_scene, PAPER) == 1).all()


def test_what_is_worn_covers_the_face_and_nothing_else(face_scene):
    worn = replace(PAPER, is_worn=True)
    made, mask = apply_rendition(face_scene, worn).pixels, rendition_mask(face_scene, worn)
    assert 0.02 < (mask > 0).mean() < 0.7
    assert (made[mask == 0] == face_scene.pixels[mask == 0]).all()
    assert np.abs(made.astype(int) - face_scene.pixels)[mask > 0.9].mean() > 0.5


def test_a_lattice_is_a_line_in_the_spectrum():
    """Of a flat grey the lattice's own wave is nearly all that varies: few frequencies hold the most of it."""
    flat = np.full((128, 128, 3), 128, np.uint8)
    made = STEPS["rastered"](flat, 1.0, 100.0, np.random.default_rng(5)).astype(float).mean(axis=2)
    power = np.abs(np.fft.rfft2(made - made.mean())) ** 2
    assert np.sort(power, axis=None)[-60:].sum() > 0.5 * power.sum()
    grain = STEPS["textured"](flat, 1.0, 100.0, np.random.default_rng(5)).astype(float).mean(axis=2)
    power = np.abs(np.fft.rfft2(grain - grain.mean())) ** 2
    assert np.sort(power, axis=None)[-60:].sum() < 0.5 * power.sum()


def test_a_medium_has_a_black_and_a_white_of_its_own():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    lows, highs = [], []
    for seed in range(40):
        made = STEPS["regamut"](ramp, 1.0, 100.0, np.random.default_rng(seed))
        lows.append(made[0, 0].mean())
        highs.append(made[0, -1].mean())
    assert 5 < np.mean(lows) < 40
    assert 200 < np.mean(highs) < 250


def test_draws_reach_every_step_and_whole_pictures_have_one_that_tells():
    drawn = [draw_rendition(np.random.default_rng(seed)) for seed in range(400)]
    assert {name for one in drawn for name in one.steps} == set(STEPS)
    assert {len(one.steps) for one in drawn} == {1, 2, 3}
    assert all(len(one.steps) == len(one.amounts) for one in drawn)
    assert 0.2 < np.mean([one.is_worn for one in drawn]) < 0.4
    assert all(set(one.steps) & set(TELLING) for one in drawn if not one.is_worn)
    assert any(not set(one.steps) & set(TELLING) for one in drawn if one.is_worn)
    assert set(TELLING) < set(STEPS)


def test_a_grey_picture_stays_grey():
    scene = make_scene(200, 200, is_grey=True)
    for name in STEPS:
        made = apply_rendition(scene, replace(PAPER, steps=(name,))).pixels.astype(int)
        assert np.abs(made[..., 0] - made[..., 2]).max() <= 1, name


def test_stronger_is_further_from_what_it_was(face_scene):
    def far(amount):
        made = apply_rendition(face_scene, replace(PAPER, amounts=(amount,)))
        return np.abs(made.pixels.astype(int) - face_scene.pixels).mean()

    assert 0 < far(0.3) < far(0.8) < far(1.4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ("texturd",)}, "a step of rendition must be one of .*did you mean 'textured'"),
        ({"amounts": ()}, "rendition needs an amount for every step; got 0 for 1"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(changes, message, face_scene):
    with pytest.raises(SimulationError, match=message):
        apply_rendition(face_scene, replace(PAPER, **changes))
