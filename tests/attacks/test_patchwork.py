from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.attacks.patchwork import (
    PatchworkParameters,
    apply_patchwork,
    draw_patchwork,
    patchwork_mask,
)
from bonaface.attacks.processing import STEPS
from bonaface.attacks.seam import InnerFace
from bonaface.errors import SimulationError

from .conftest import make_scene

EYE = PatchworkParameters(
    seed=1,
    steps=("softened",),
    amounts=(1.0,),
    region=InnerFace(seed=0, half_width=0.15, top=0.15, bottom=0.15, flatness=2.0, unevenness=0.0, edge=0.05),
    region_x=0.25,
    region_y=-0.2,
    is_paired=False,
    seam="alpha",
)


def detail(pixels, where):
    """Mean absolute difference of neighbouring pixels in a mask."""
    values = pixels.astype(float).mean(axis=2)
    return np.abs(np.diff(values, axis=1))[where[:, 1:]].mean()


@pytest.mark.parametrize("name", list(STEPS))
@pytest.mark.parametrize("amount", [0.05, 0.5, 1.5])
def test_every_step_gives_a_picture_of_the_same_size(name, amount, face_scene):
    for pixels in (face_scene.pixels, face_scene.pixels[:3, :5], face_scene.pixels[40:41, 10:60]):
        made = STEPS[name](np.ascontiguousarray(pixels), amount, 80.0, np.random.default_rng(0))
        assert made.shape == pixels.shape
        assert made.dtype == np.uint8


@pytest.mark.parametrize("name", list(STEPS))
def test_every_step_changes_its_place_and_nothing_else(name, face_scene):
    parameters = replace(EYE, steps=(name,))
    made, mask = apply_patchwork(face_scene, parameters).pixels, patchwork_mask(face_scene, parameters)
    assert 0.01 < (mask > 0).mean() < 0.2
    assert (made[mask == 0] == face_scene.pixels[mask == 0]).all()
    assert np.abs(made.astype(int) - face_scene.pixels)[mask > 0.9].mean() > 0.1


def test_steps_do_what_they_are_called(face_scene):
    where = patchwork_mask(face_scene, EYE) > 0.9

    def after(*steps):
        made = replace(EYE, steps=steps, amounts=(1.0,) * len(steps))
        return detail(apply_patchwork(face_scene, made).pixels, where)

    before = detail(face_scene.pixels, where)
    assert after("softened") < before < after("sharpened")
    assert after("resampled") != before
    assert after("noisy") > before


def test_steps_follow_each_other(face_scene):
    """Softened and then sharpened is not sharpened and then softened."""
    there, back = (
        replace(EYE, steps=steps, amounts=(1.0, 1.0))
        for steps in (("softened", "sharpened"), ("sharpened", "softened"))
    )
    assert (apply_patchwork(face_scene, there).pixels != apply_patchwork(face_scene, back).pixels).any()


def test_a_pair_lies_on_both_sides(face_scene):
    one, both = (patchwork_mask(face_scene, replace(EYE, is_paired=value)) for value in (False, True))
    middle = round(face_scene.face.center[0])
    assert one[:, :middle].sum() == 0 < one[:, middle:].sum()
    assert both[:, :middle].sum() == pytest.approx(both[:, middle:].sum(), rel=0.1)


def test_something_of_the_picture_always_stays():
    """A place that fills the picture would not differ from its surroundings: there would be none."""
    scene = make_scene(224, 224)
    crop = scene.face.squared(0.15)
    rows, columns = (
        slice(max(round(crop.y1), 0), round(crop.y2)),
        slice(max(round(crop.x1), 0), round(crop.x2)),
    )
    shares = []
    for seed in range(200):
        mask = patchwork_mask(scene, draw_patchwork(np.random.default_rng(seed)))
        shares.append((mask[rows, columns] > 0).mean())
    assert max(shares) < 0.95
    assert min(shares) > 0.01
    assert np.quantile(shares, 0.9) > 3 * np.quantile(shares, 0.1)


def test_draws_reach_every_step_and_length():
    drawn = [draw_patchwork(np.random.default_rng(seed)) for seed in range(300)]
    assert {name for one in drawn for name in one.steps} == set(STEPS)
    assert {len(one.steps) for one in drawn} == {1, 2, 3}
    assert all(len(set(one.steps)) == len(one.steps) == len(one.amounts) for one in drawn)
    assert {one.seam for one in drawn} == {"alpha", "poisson", "pyramid"}
    assert {one.is_paired for one in drawn} == {True, False}


def test_a_grey_picture_stays_grey():
    """Colour in a grey picture would be the whole clue."""
    scene = make_scene(200, 200, is_grey=True)
    for name in STEPS:
        made = apply_patchwork(scene, replace(EYE, steps=(name,))).pixels.astype(int)
        assert np.abs(made[..., 0] - made[..., 2]).max() <= 1, name


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": ("softend",)}, "a step of patchwork must be one of .*did you mean 'softened'"),
        ({"amounts": ()}, "patchwork needs an amount for every step; got 0 for 1"),
    ],
)
def test_parameters_that_do_not_fit_are_refused(changes, message, face_scene):
    with pytest.raises(SimulationError, match=message):
        apply_patchwork(face_scene, replace(EYE, **changes))
