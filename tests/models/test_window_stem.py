"""What every window says beside the means over cells."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
import torch

from bonaface.errors import RecipeError
from bonaface.models.architecture import build_detector
from bonaface.models.carried_over import carried_over
from bonaface.models.nano import NanoConfig, build_nano
from bonaface.models.pixels import normalise
from bonaface.models.spectrum import Measurements, SpectrumStem
from bonaface.models.window_stem import SOFT, WindowStem, signed

from .test_nano import TINY
from .test_spectrum import NORM, crops, light_of, measured

WINDOWS = replace(TINY, image_size=64, stem="spectrum", window_width=8)


def test_nothing_is_added_before_it_has_learned():
    """From weights without it, a detector says to the last bit what it said before."""
    plain = build_nano(replace(WINDOWS, window_width=0), **NORM, seed=0)
    wider = build_nano(WINDOWS, **NORM, seed=1)
    wider.load_state_dict(carried_over(plain.state_dict(), wider))
    pixels = normalise(crops(2, size=64), **NORM)
    with torch.no_grad():
        assert torch.equal(plain.eval()(pixels).attack_logit, wider.eval()(pixels).attack_logit)


def test_a_step_wakes_it():
    """Zero at first, but not for good: gradients reach its last norm, and with that moved all of it."""
    stem = WindowStem(10, 16, width=8)
    windows = torch.randn(2, 10, 8, 8)
    assert not stem(windows).any()
    stem(windows).square().sum().backward()
    last = list(stem.modules())[-1]
    (stem(windows) * torch.randn(2, 16, 2, 2)).sum().backward()
    assert last.weight.grad.abs().sum() > 0
    with torch.no_grad():
        last.weight += 1
    stem.zero_grad()
    (stem(windows) * torch.randn(2, 16, 2, 2)).sum().backward()
    assert all(one.grad.abs().sum() > 0 for name, one in stem.named_parameters() if "bias" not in name)


def test_a_window_has_its_waves_and_energies():
    """Against scipy's transform of the same 8 x 8 pixels."""
    picture = crops()
    found = of_windows(picture)
    top, left = 4 * 5, 4 * 3  # window (5, 3) of the padded picture
    padded = np.pad(light_of(picture), 2, mode="reflect")
    waves = scipy.fft.dctn(padded[top : top + 8, left : left + 8], norm="ortho").ravel()[1:]
    np.testing.assert_allclose(found[:63, 5, 3], waves / (np.abs(waves) + SOFT), atol=1e-4)
    np.testing.assert_allclose(found[63:126, 5, 3], np.log(waves**2 + 0.05), atol=2e-3)
    assert found.shape == (Measurements.num_window_features, 12, 12)


def test_windows_of_a_cell_average_to_its_numbers():
    picture = crops()
    energies = np.exp(of_windows(picture)[63:]) - 0.05
    cell = energies[:, 4:8, 8:12].mean(axis=(1, 2))  # row 1, column 2
    np.testing.assert_allclose(np.log(cell + 0.05), measured(picture)[: 63 + 18, 1, 2], atol=1e-3)


def test_amplitudes_keep_their_sign_and_stay_below_one():
    values = torch.tensor([-1000.0, -SOFT, 0.0, SOFT, 1000.0])
    assert signed(values).tolist() == pytest.approx([-0.996, -0.5, 0, 0.5, 0.996], abs=1e-3)


def of_windows(picture):
    return Measurements(**NORM).with_windows(normalise(picture, **NORM))[1][0].numpy()


def test_it_is_float32_under_mixed_precision():
    stem = SpectrumStem(16, **NORM, window_width=8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        _, windows = stem.measurements.with_windows(normalise(crops(2), **NORM))
        assert windows.dtype == torch.float32


@pytest.mark.parametrize("changes", [{"stem": "convolution"}, {"cells_per_side": 2}])
def test_windows_want_cells(changes):
    with pytest.raises(RecipeError, match="window_width must be 0 but with a spectrum"):
        build_detector(replace(WINDOWS, **changes), **NORM, seed=0)


def test_a_detector_has_none_unless_asked():
    assert NanoConfig().window_width == 0
    plain = build_nano(replace(WINDOWS, window_width=0), **NORM, seed=0)
    assert not any("windows" in name for name in plain.state_dict())
