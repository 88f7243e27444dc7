import numpy as np
import pytest
import scipy.fft
import torch
from scipy.signal import correlate2d

from bonaface.contract import InputContract
from bonaface.models.nano import NanoConfig, build_nano
from bonaface.models.pixels import normalise
from bonaface.models.spectrum import CELL, Measurements, SpectrumStem, cosine_kernels, ring_means

NORM = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3)}
NUM_LIGHT, NUM_RINGS = 63, 9


def crops(batch: int = 1, size: int = 48, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    smooth = rng.integers(60, 190, (batch, 1, 1, 3)) + 20 * np.sin(np.arange(size) / 5)[None, :, None, None]
    return torch.from_numpy((smooth + rng.normal(0, 6, (batch, size, size, 3))).clip(0, 255).astype(np.uint8))


def measured(picture: torch.Tensor) -> np.ndarray:
    """(features, rows, columns) of one crop."""
    return Measurements(**NORM)(normalise(picture, **NORM))[0].numpy()


def light_of(picture: torch.Tensor) -> np.ndarray:
    return picture[0].double().numpy() @ np.array([0.299, 0.587, 0.114])


def test_kernels_are_the_cosine_transform():
    window = np.random.default_rng(0).normal(size=(8, 8))
    wanted = scipy.fft.dctn(window, norm="ortho")
    found = np.einsum("kcxy,xy->k", cosine_kernels().double().numpy(), window).reshape(8, 8)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_rings_average_all_frequencies_but_the_mean():
    rings = ring_means()[:, :, 0, 0]
    assert rings.shape == (NUM_RINGS, NUM_LIGHT)
    assert rings.sum(dim=1).tolist() == pytest.approx([1] * NUM_RINGS)
    assert (rings > 0).sum(dim=0).tolist() == [1] * NUM_LIGHT
    assert (rings[0] > 0).nonzero().flatten().tolist() == [
        0,
        7,
        8,
    ]  # (0, 1), (1, 0) and (1, 1) without (0, 0)


def test_energies_are_means_over_windows():
    picture = crops()
    padded = np.pad(light_of(picture), 2, mode="reflect")
    cell = (1, 2)
    energies = []
    for row in range(4):
        for column in range(4):
            top, left = CELL * cell[0] + 4 * row, CELL * cell[1] + 4 * column
            energies.append(
                scipy.fft.dctn(padded[top : top + 8, left : left + 8], norm="ortho").ravel()[1:] ** 2
            )
    found = measured(picture)[:NUM_LIGHT, *cell]
    np.testing.assert_allclose(found, np.log(np.mean(energies, axis=0) + 0.05), atol=1e-3)


def test_a_wave_stands_at_its_own_frequency():
    down = np.arange(48)
    wave = 128 + 60 * np.cos(np.pi * (down + 0.5) * 4 / 8)  # the fourth frequency, along rows
    picture = torch.from_numpy(np.broadcast_to(wave[None, :, None, None], (1, 48, 48, 3)).astype(np.uint8))
    found = measured(picture)[:NUM_LIGHT, 1, 1]
    assert int(found.argmax()) == 4 * 8 - 1


def test_residuals_say_how_strong_how_peaked_and_how_alike():
    picture = crops()
    kernel = torch.tensor([-1.0, 2, -2, 2, -1]), torch.tensor([2.0, -6, 8, -6, 2])
    kv = torch.stack((kernel[0], kernel[1], torch.tensor([-2.0, 8, -12, 8, -2]), kernel[1], kernel[0])) / 12
    values = picture[0].double().numpy()
    padded = np.pad(values, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    residual = np.stack([correlate2d(padded[:, :, c], kv.double().numpy(), mode="valid") for c in range(3)])
    inside = residual[:, 16:32, 16:32]
    energy = (inside**2).mean(axis=(1, 2)) + 0.05
    start = NUM_LIGHT + 2 * NUM_RINGS + 3
    found = measured(picture)[start : start + 9, 1, 1]
    np.testing.assert_allclose(found[:3], np.log(energy), atol=1e-3)
    peaked = np.log(np.abs(inside).mean(axis=(1, 2)) + 0.05) - np.log(energy) / 2
    np.testing.assert_allclose(found[3:6], peaked, atol=1e-3)
    together = [
        (inside[a] * inside[b]).mean() / np.sqrt(energy[a] * energy[b]) for a, b in ((0, 2), (1, 0), (2, 1))
    ]
    np.testing.assert_allclose(found[6:9], together, atol=1e-3)


@pytest.mark.parametrize(("value", "white"), [(100, 0.0), (255, 1.0)])
def test_a_flat_picture_is_flat_and_only_white_is_clipped(value, white):
    found = measured(torch.full((1, 32, 32, 3), value, dtype=torch.uint8))
    np.testing.assert_allclose(found[:NUM_LIGHT], np.log(0.05), atol=1e-2)
    np.testing.assert_allclose(found[-3:-1], 1, atol=1e-5)
    np.testing.assert_allclose(found[-1], white, atol=1e-4)


def test_a_mirror_image_measures_the_same_in_mirrored_places():
    picture = crops(size=64)
    found, mirrored = measured(picture), measured(picture.flip(2))
    inner = slice(0, -3)  # flatness looks to the right
    np.testing.assert_allclose(mirrored[inner], found[inner, :, ::-1], atol=2e-2)


def test_measurements_are_float32_under_mixed_precision_and_not_saved():
    stem = SpectrumStem(16, **NORM)
    assert sorted(stem.state_dict()) == [
        "mix.bias",
        "mix.weight",
        "norm.num_batches_tracked",
        "norm.running_mean",
        "norm.running_var",
    ]
    pixels = normalise(crops(2), **NORM)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = stem.measurements(pixels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, stem.measurements(pixels))
    assert found.shape == (2, Measurements.num_features, 3, 3)


def test_nano_learns_on_it_and_gradients_reach_the_pixels():
    config = NanoConfig(stem="spectrum", image_size=48, hidden_size=32, num_layers=1)
    contract = InputContract(size=48)
    detector = build_nano(config, mean=contract.mean, std=contract.std, seed=0)
    pixels = normalise(crops(2), mean=contract.mean, std=contract.std).requires_grad_()
    detector(pixels).attack_logit.sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.abs().sum() > 0
    mix = detector.encoder.vision.embeddings.patch_embedding.mix
    assert mix.weight.grad.abs().sum() > 0
