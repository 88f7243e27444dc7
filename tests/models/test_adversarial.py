from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from attacks.conftest import make_scene
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import parameters_to_json
from bonaface.errors import SimulationError
from bonaface.models.adversarial import (
    VARIANTS,
    AdversarialParameters,
    ColourBounds,
    Patch,
    adversarial_mask,
    colour_curves,
    draw_adversarial,
    perturbed,
)
from bonaface.types import Box

HEIGHT, WIDTH = 24, 20
FACE = Box(4, 6, 14, 16)
INSIDE = (slice(6, 17), slice(4, 15))
PLAIN = AdversarialParameters(
    seed=0,
    variant="fgsm",
    target="evade",
    epsilon=4,
    step=0.25,
    num_steps=10,
    margin_ratio=0.0,
    patch=Patch(0.25, 0.25, 0.75, 0.75, edge=0.01, opacity=1.0),
    colour=ColourBounds(gain=0.4, gamma=0.3),
)
SIGNS = {"evade": -1, "impersonate": 1}


def noisy_scene(*, low: int = 40, high: int = 216, seed: int = 0) -> Scene:
    pixels = np.random.default_rng(seed).integers(low, high, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    pixels.setflags(write=False)
    return Scene(pixels, FACE, np.full((5, 2), 9, np.float32))


def weights() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(HEIGHT, WIDTH, 3)).astype(np.float32)


def linear(pictures: Tensor) -> Tensor:
    return (pictures * torch.from_numpy(weights().transpose(2, 0, 1).copy())).sum(dim=(1, 2, 3))


def linear_by_hand(scene: Scene) -> float:
    return float((scene.pixels.astype(float) / 255 * weights()).sum())


def net(seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = nn.Conv2d(3, 6, 5), nn.Tanh(), nn.Conv2d(6, 6, 5), nn.Tanh(), nn.AdaptiveAvgPool2d(2)
        model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(24, 1), nn.Flatten(0))
    for parameter in model.parameters():
        parameter.data *= 3
    return model


def value(score, scene: Scene) -> float:
    with torch.no_grad():
        return float(score(torch.tensor(scene.pixels.transpose(2, 0, 1)[None] / 255.0).float()))


def change(scene: Scene, parameters: AdversarialParameters, score=linear) -> np.ndarray:
    return perturbed(scene, parameters, score).pixels.astype(int) - scene.pixels


@pytest.mark.parametrize("target", SIGNS)
@pytest.mark.parametrize("variant", ["fgsm", "pgd"])
def test_noise_moves_a_linear_score_by_epsilon_times_its_weights(variant, target):
    scene = noisy_scene()
    attacked = perturbed(scene, replace(PLAIN, variant=variant, target=target), linear)
    moved = linear_by_hand(attacked) - linear_by_hand(scene)
    assert moved == pytest.approx(SIGNS[target] * 4 / 255 * np.abs(weights()[INSIDE]).sum(), rel=1e-6)
    assert attacked.face == scene.face
    assert attacked.landmarks is scene.landmarks


@pytest.mark.parametrize("variant", ["fgsm", "pgd"])
@pytest.mark.parametrize("epsilon", [1, 3, 17, 255])
def test_noise_stays_inside_epsilon_exactly_and_about_the_face(variant, epsilon):
    scene = noisy_scene(low=0, high=256)
    found = change(scene, replace(PLAIN, variant=variant, epsilon=epsilon, step=0.37), net(0))
    assert np.abs(found).max() <= epsilon
    assert np.abs(found[INSIDE]).max() == epsilon or epsilon == 255
    found[INSIDE] = 0
    assert not found.any()


def test_values_at_the_ends_stay_code_values():
    ends = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    ends[:, ::2] = 255
    found = change(Scene(ends, FACE), PLAIN)
    free = np.where(ends == 255, weights() > 0, weights() < 0)[INSIDE]
    assert (found[INSIDE][free] == np.where(ends == 255, -4, 4)[INSIDE][free]).all()
    assert not found[INSIDE][~free].any()


def test_a_margin_widens_the_window():
    found = change(noisy_scene(), replace(PLAIN, margin_ratio=0.2))
    rows, columns = np.nonzero(found.any(axis=2))
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (4, 18, 2, 16)


def test_many_steps_are_at_least_as_strong_as_one():
    gains = []
    for seed in range(6):
        model, scene = net(seed), noisy_scene(seed=seed)
        one, many = (
            value(model, perturbed(scene, replace(PLAIN, variant=name, epsilon=20), model))
            for name in ("fgsm", "pgd")
        )
        gains.append(one - many)
    assert min(gains) >= 0
    assert max(gains) > 0


def test_pgd_that_starts_badly_is_still_as_strong_as_fgsm():
    """One tiny step from noise is worse than fgsm, whose picture is then taken."""
    lazy = replace(PLAIN, variant="pgd", step=1e-3, num_steps=1)
    assert (change(noisy_scene(), lazy) == change(noisy_scene(), PLAIN)).all()


def test_of_all_steps_the_best_is_kept():
    """A valley narrower than a step: the third step leaps out of it (63 after 60), yet the result stays."""
    dark = Scene(np.full((HEIGHT, WIDTH, 3), 100, np.uint8), FACE)

    def valley(pictures: Tensor) -> Tensor:
        return (pictures[:, :, 10, 10] * 255 - 110).abs().sum(dim=1)

    found = [
        value(valley, perturbed(dark, replace(PLAIN, variant="patch", step=0.1, num_steps=n), valley))
        for n in range(1, 9)
    ]
    assert found == sorted(found, reverse=True)
    assert found[-1] < found[0]


@pytest.mark.parametrize("target", SIGNS)
def test_a_patch_takes_every_value_it_may_and_nothing_outside(target):
    scene = noisy_scene()
    attacked = perturbed(scene, replace(PLAIN, variant="patch", target=target), linear)
    # The box is 6.5..11.5 by 8.5..13.5; its ramp is narrower than half a pixel.
    painted = (slice(9, 14), slice(7, 12))
    expected = scene.pixels.copy()
    expected[painted] = np.where(SIGNS[target] * weights()[painted] > 0, 255, 0)
    assert (attacked.pixels == expected).all()


def test_a_patch_has_a_soft_edge_and_an_opacity():
    flat = Scene(np.full((60, 60, 3), 100, np.uint8), Box(0, 0, 50, 50))
    soft = replace(PLAIN, variant="patch", patch=Patch(0.2, 0.2, 0.8, 0.8, edge=0.2, opacity=0.5))
    found = change(flat, soft, lambda pictures: pictures.sum(dim=(1, 2, 3)))
    assert (found[10:41, 10:41] <= 0).all()
    assert found[25, 25].tolist() == [-50] * 3
    assert found[10, 25].tolist() == [0] * 3
    # Half way up the ramp of 6 px a smooth step is one half.
    assert found[13, 25].tolist() == [-25] * 3
    assert (np.diff(found[10:17, 25, 0]) < 0).all()
    found[10:41, 10:41] = 0
    assert not found.any()


def test_a_patch_outside_the_picture_paints_nothing():
    far = replace(PLAIN, variant="patch", patch=Patch(8.0, 8.0, 9.0, 9.0, edge=0.1, opacity=1.0))
    assert not change(noisy_scene(), far).any()
    assert not adversarial_mask(noisy_scene(), far).any()


def test_a_colour_attack_is_one_rising_curve_for_each_channel():
    code = np.arange(256, dtype=np.uint8).reshape(16, 16)
    ramps = Scene(np.stack([code, code.T, code[::-1]], axis=2), Box(2, 2, 12, 12))

    def red_less_green(pictures: Tensor) -> Tensor:
        return (pictures[:, 0] - pictures[:, 1]).mean(dim=(1, 2))

    attacked = perturbed(ramps, replace(PLAIN, variant="colour", step=0.3), red_less_green).pixels
    inner = np.arange(1, 255) / 255
    for channel, sign in ((0, -1), (1, 1), (2, 0)):
        curve = np.empty(256, np.uint8)
        curve[ramps.pixels[..., channel]] = attacked[..., channel]
        assert (curve[ramps.pixels[..., channel]] == attacked[..., channel]).all()
        assert (np.diff(curve.astype(int)) >= 0).all()
        assert (curve[0], curve[255]) == (0, 255)
        # At the bounds the log-odds of v^gamma are moved by the gain.
        bent = inner ** np.exp(-sign * 0.3)
        log_odds = np.log(bent / (1 - bent)) + sign * 0.4
        assert np.abs(curve[1:255] - 255 / (1 + np.exp(-log_odds))).max() <= 0.5 + 1e-4


def test_curves_are_the_same_for_equal_pixels_everywhere():
    scene = make_scene(64, 48)
    attacked = perturbed(scene, replace(PLAIN, variant="colour"), net(2))
    for channel in range(3):
        pairs = np.unique(
            np.stack([scene.pixels[..., channel].ravel(), attacked.pixels[..., channel].ravel()]), axis=1
        )
        assert (np.diff(pairs[0].astype(int)) > 0).all()
        assert (np.diff(pairs[1].astype(int)) >= 0).all()


def test_slopes_of_the_curves_are_those_of_small_differences():
    values = np.random.default_rng(0).normal(0, 0.4, (2, 3)).astype(np.float32)
    _, slopes = colour_curves(values)
    for number in range(2):
        ahead, behind = values.astype(np.float64), values.astype(np.float64)
        ahead[number] += 1e-5
        behind[number] -= 1e-5
        expected = (colour_curves(ahead)[0] - colour_curves(behind)[0]) / 2e-5
        np.testing.assert_allclose(slopes[number], expected, atol=1e-8)
    assert (np.diff(colour_curves(values)[0], axis=0) > 0).all()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("target", SIGNS)
def test_the_score_of_a_net_goes_where_it_should(variant, target):
    for seed in range(3):
        model, scene = net(seed), noisy_scene(seed=seed)
        attacked = perturbed(scene, replace(PLAIN, variant=variant, target=target, num_steps=20), model)
        assert SIGNS[target] * (value(model, attacked) - value(model, scene)) > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_bytes_again_and_the_input_untouched(variant):
    scene, model = noisy_scene(), net(1)
    before = scene.pixels.tobytes()
    rng = [np.random.default_rng(5) for _ in range(2)]
    one, two = (draw_adversarial(r, variant=variant) for r in rng)
    assert one == two != draw_adversarial(rng[0], variant=variant)
    first, second = (perturbed(scene, p, model).pixels.tobytes() for p in (one, two))
    assert scene.pixels.tobytes() == before != first == second


def test_the_seed_decides_where_pgd_starts():
    """On a hilltop the gradient is 0 and fgsm stays; noise slides down to one side or the other."""
    scene = noisy_scene()
    top = torch.tensor(scene.pixels.transpose(2, 0, 1)[None] / 255.0).float()

    def hill(pictures: Tensor) -> Tensor:
        return -(pictures - top).square().sum(dim=(1, 2, 3))

    assert not change(scene, PLAIN, hill).any()
    found = [change(scene, replace(PLAIN, variant="pgd", seed=seed), hill)[INSIDE] for seed in (1, 2, 1)]
    # An eighth of the noise rounds to nothing, and stays.
    assert (np.abs(found[0]) == 4).mean() == pytest.approx(7 / 8, abs=0.05)
    assert (found[0] == found[2]).all()
    assert 0.3 < (found[0] == found[1]).mean() < 0.5


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_strength_changes_nothing_and_more_changes_more(variant):
    scene, means = make_scene(60, 50), []
    for strength in (0.0, 0.3, 1.5):
        drawn = draw_adversarial(np.random.default_rng(2), strength=strength, variant=variant)
        means.append(np.abs(change(scene, drawn, net(4))).mean())
    assert means[0] == 0 < means[1] < means[2]


@pytest.mark.parametrize("variant", VARIANTS)
def test_nothing_changes_outside_the_mask(variant):
    scene = make_scene(60, 50)
    for seed in range(3):
        drawn = draw_adversarial(np.random.default_rng(seed), variant=variant)
        mask, found = adversarial_mask(scene, drawn), change(scene, drawn, net(4))
        assert mask.shape == scene.size
        assert mask.dtype == np.float32
        assert 0 <= mask.min() <= mask.max() <= 1
        assert not found[mask == 0].any()
        assert found[mask > 0.7].any(axis=1).mean() > 0.4


@pytest.mark.parametrize("variant", VARIANTS)
def test_odd_scenes(variant):
    def mean(pictures: Tensor) -> Tensor:
        return pictures.square().mean(dim=(1, 2, 3))

    rng = np.random.default_rng(11)
    for scene in (
        make_scene(48, 48, face=Box(6, 8, 42, 44), is_grey=True),
        make_scene(120, 100, face=Box(-30, 40, 70, 140)),
        make_scene(60, 60, face=Box(400, 400, 440, 440)),
        make_scene(3, 3, face=Box(0, 0, 3, 3)),
    ):
        drawn = draw_adversarial(rng, strength=1.5, variant=variant)
        attacked = perturbed(scene, drawn, mean)
        assert attacked.pixels.shape == scene.pixels.shape
        assert attacked.pixels.dtype == np.uint8
        assert adversarial_mask(scene, drawn).shape == scene.size


def test_all_variants_are_drawn_and_parameters_survive_json():
    rng = np.random.default_rng(0)
    drawn = [draw_adversarial(rng) for _ in range(40)]
    assert {one.variant for one in drawn} == set(VARIANTS)
    assert all(2 <= one.epsilon <= 8 and one.target == "evade" for one in drawn)
    for one in drawn:
        plain = json.loads(json.dumps(parameters_to_json(one)))
        parts = {"patch": Patch(**plain["patch"]), "colour": ColourBounds(**plain["colour"])}
        assert AdversarialParameters(**plain | parts) == one


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("mode", [torch.no_grad, torch.enable_grad, torch.inference_mode])
def test_the_model_and_torch_are_left_as_they_were(variant, mode):
    model = net(0)
    model[0].weight.grad = torch.ones_like(model[0].weight)
    model[2].eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    with mode():
        is_enabled, is_inference = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        perturbed(noisy_scene(), replace(PLAIN, variant=variant, num_steps=2), model)
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == (is_enabled, is_inference)
    assert (model[0].weight.grad == 1).all()
    assert all(p.requires_grad for p in model.parameters())
    assert [p.grad is None for p in model.parameters()] == [False] + [True] * 5
    assert [module.training for module in model.modules()] == modes
    assert all((tensor == before[name]).all() for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    ("score", "said"),
    [
        (
            lambda x: x.mean(dim=(2, 3)),
            "a score must be one number for each picture, a tensor of shape (1,) for one; got (1, 3); reduce it",
        ),
        (
            lambda x: x.mean(),
            "a score must be one number for each picture, a tensor of shape (1,) for one; got (); reduce it",
        ),
        (
            lambda x: x.detach().mean().item(),
            "a score must be one number for each picture, a tensor of shape (1,) for one; got float; reduce it",
        ),
        (lambda x: (x * torch.inf).sum(dim=(1, 2, 3)), "a score must be finite; got inf; check the model"),
        (
            lambda x: (x - x.detach()).sum(dim=(1, 2, 3)).sqrt(),
            "a score must have a finite gradient in the picture's values; got NaN or infinity; check the model",
        ),
        (
            lambda x: x.detach().mean(dim=(1, 2, 3)),
            "a score must have a finite gradient in the picture's values; got none; check the model",
        ),
        (
            lambda x: torch.ones(1, requires_grad=True) * 2,
            "a score must have a finite gradient in the picture's values; got none; check the model",
        ),
    ],
)
def test_a_score_that_is_none_is_refused(score, said):
    with pytest.raises(SimulationError) as caught:
        perturbed(noisy_scene(), PLAIN, score)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (
            {"variant": "pgb"},
            "a variant of adversarial must be one of fgsm, pgd, patch, colour; got 'pgb'; did you mean 'pgd'?",
        ),
        (
            {"target": "evades"},
            "the target of an adversarial picture must be one of evade, impersonate; got 'evades'; "
            "did you mean 'evade'?",
        ),
    ],
)
def test_unknown_words(wanted, said):
    for make in (
        lambda: replace(PLAIN, **wanted),
        lambda: draw_adversarial(np.random.default_rng(0), **wanted),
    ):
        with pytest.raises(SimulationError) as caught:
            make()
        assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"epsilon": 256}, "epsilon must lie in [0, 255]; got 256; choose another"),
        ({"num_steps": 0}, "num_steps must lie in [1, inf]; got 0; choose another"),
        ({"step": float("nan")}, "step must lie in [0, 2]; got nan; choose another"),
        (
            {"patch": replace(PLAIN.patch, opacity=1.2)},
            "opacity must lie in [0, 1]; got 1.2; choose another",
        ),
    ],
)
def test_numbers_out_of_range(wrong, said):
    with pytest.raises(SimulationError) as caught:
        replace(PLAIN, **wrong)
    assert str(caught.value) == said
