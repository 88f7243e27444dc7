from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from attacks.conftest import make_scene
from bonaface.contract import InputContract
from bonaface.errors import SimulationError
from bonaface.faces.crop import prepare
from bonaface.models.adversarial import VARIANTS, draw_adversarial, perturbed
from bonaface.models.adversarial_scores import as_tensor, attack_logit_of, model_input, similarity_of
from bonaface.models.detector import any_attack_logit
from bonaface.models.nano import build_nano
from bonaface.models.pixels import normalise
from bonaface.types import Box

from .test_nano import NORM, TINY

CONTRACT = InputContract(size=32, min_face_px=1)
SCENE = make_scene(60, 50, face=Box(10, 15, 42, 47))


def crop_by_rule(pixels: np.ndarray, face: Box, contract: InputContract) -> np.ndarray:
    """What `prepare` cuts, in code values, channels last."""
    return prepare(pixels, face, contract).pixels.astype(float)


def crop_here(pixels: np.ndarray, face: Box, contract: InputContract) -> np.ndarray:
    found = model_input(as_tensor(pixels), face, contract)[0].permute(1, 2, 0).numpy()
    return 255 * (found * np.array(contract.std) + np.array(contract.mean))


@settings(max_examples=150)
@given(
    x=st.floats(-20, 45),
    y=st.floats(-20, 35),
    side=st.floats(4, 60),
    size=st.sampled_from([8, 16, 33]),
    outside=st.sampled_from(["reflect", "edge", "black"]),
    margin=st.sampled_from([0.0, 0.15, 0.6]),
)
def test_the_crop_is_that_of_prepare_but_for_rounding(x, y, side, size, outside, margin):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    face = Box(x, y, x + side, y + side)
    square = face.squared(margin)
    if min(square.x2, square.y2) < 2 or square.x1 > 48 or square.y1 > 38:
        return
    contract = InputContract(
        size=size,
        margin_ratio=margin,
        outside=outside,
        min_face_px=1,
        mean=(0.4, 0.5, 0.6),
        std=(0.2, 0.3, 0.4),
    )
    difference = crop_here(pixels, face, contract) - crop_by_rule(pixels, face, contract)
    is_grown = round(square.side) < size
    assert np.abs(difference).max() <= (1.0 if is_grown else 0.51)


def test_a_crop_of_the_same_size_is_the_pixels_themselves():
    contract = replace(CONTRACT, margin_ratio=0.0)
    assert np.abs(crop_here(SCENE.pixels, SCENE.face, contract) - SCENE.pixels[15:47, 10:42]).max() < 1e-4


def test_a_face_outside_the_picture_is_refused():
    with pytest.raises(SimulationError) as caught:
        model_input(as_tensor(SCENE.pixels), Box(200, 10, 230, 40), CONTRACT)
    assert (
        str(caught.value) == "the face must lie inside the picture; its box lies outside; find the face again"
    )


@pytest.fixture(scope="module")
def detector():
    return build_nano(replace(TINY, dropout=0.5), **NORM, seed=0)


def test_the_logit_is_the_detectors_on_the_gates_crop(detector):
    contract = replace(CONTRACT, margin_ratio=0.0)
    pixels = normalise(torch.tensor(SCENE.pixels[15:47, 10:42].copy())[None], **NORM)
    detector.eval()
    with torch.no_grad():
        plain, mirrored = detector(pixels), detector(pixels.flip(3))
        alone = attack_logit_of(detector, contract, SCENE.face)(as_tensor(SCENE.pixels))
        both = attack_logit_of(detector, contract, SCENE.face, is_mirrored=True)(as_tensor(SCENE.pixels))
    torch.testing.assert_close(alone, plain.attack_logit, rtol=1e-4, atol=1e-4)
    mean = (plain.family_logits + mirrored.family_logits) / 2
    torch.testing.assert_close(both, any_attack_logit(mean), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_detector_in_training_mode_is_evaded_the_same_way_twice(detector, variant):
    detector.train()
    detector.anchors.eval()
    modes = [module.training for module in detector.modules()]
    score = attack_logit_of(detector, CONTRACT, SCENE.face, is_mirrored=True)
    drawn = replace(draw_adversarial(np.random.default_rng(3), variant=variant), num_steps=4, step=0.5)
    one, two = perturbed(SCENE, drawn, score), perturbed(SCENE, drawn, score)
    assert one.pixels.tobytes() == two.pixels.tobytes()
    assert score(as_tensor(one.pixels)).item() < score(as_tensor(SCENE.pixels)).item()
    assert [module.training for module in detector.modules()] == modes
    assert all(parameter.grad is None for parameter in detector.parameters())


def test_the_mode_comes_back_after_an_error():
    class Broken(nn.Module):
        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            raise ZeroDivisionError

    model = Broken()
    with pytest.raises(ZeroDivisionError):
        similarity_of(model, torch.ones(3), CONTRACT, SCENE.face)(as_tensor(SCENE.pixels))
    assert model.training


def test_a_likeness_is_the_cosine_to_the_goal_and_rises():
    class Means(nn.Module):
        """Mean of each channel of the normalised crop: no weights at all."""

        def forward(self, pixels: torch.Tensor) -> torch.Tensor:
            return pixels.mean(dim=(2, 3))

    goal = torch.tensor([-1.0, 1.0, 2.0])
    score = similarity_of(Means(), goal, CONTRACT, SCENE.face)
    mean = (crop_by_rule(SCENE.pixels, SCENE.face, CONTRACT).mean(axis=(0, 1)) / 255 - 0.5) / 0.25
    expected = mean @ goal.numpy() / np.linalg.norm(mean) / np.linalg.norm(goal.numpy())
    before = score(as_tensor(SCENE.pixels))
    assert before.shape == (1,)
    assert before.item() == pytest.approx(expected, abs=0.01)
    drawn = draw_adversarial(np.random.default_rng(0), variant="pgd", target="impersonate")
    assert score(as_tensor(perturbed(SCENE, drawn, score).pixels)).item() > before.item() + 0.01
