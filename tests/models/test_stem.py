import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from bonaface.models.pixels import normalise
from bonaface.models.stem import ConvStem, InvertedResidual, NoiseResidual, residual_kernels

NORM = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.25, 0.3)}


def crops(batch: int = 1, size: int = 32) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randint(0, 4, (batch, size, size, 3), dtype=torch.uint8, generator=generator)
    return 120 + noise


def test_kernels_are_high_pass_with_the_published_weights():
    kernels = residual_kernels().squeeze(1)
    assert kernels.sum(dim=(1, 2)).abs().max() < 1e-6
    assert kernels[:, 2, 2].tolist() == pytest.approx([-1, -1, -1])
    assert kernels.abs().sum(dim=(1, 2)).tolist() == pytest.approx([16 / 4, 96 / 12, 4 / 2])
    assert kernels[:, 2, 1].tolist() == pytest.approx([2 / 4, 8 / 12, 1 / 2])
    assert kernels[:, 1, 2].tolist() == pytest.approx([2 / 4, 8 / 12, 0])
    assert kernels[:, 1, 1].tolist() == pytest.approx([-1 / 4, -6 / 12, 0])


def test_a_flat_picture_and_a_ramp_have_no_residual():
    ramp = torch.arange(32, dtype=torch.uint8).expand(32, 32)[None, :, :, None].expand(1, 32, 32, 3)
    for picture in (torch.full((1, 32, 32, 3), 200, dtype=torch.uint8), ramp):
        residual = NoiseResidual(**NORM)(normalise(picture, **NORM))
        assert residual[:, :, 2:-2, 2:-2].abs().max() < 1e-3


def test_residuals_are_the_same_under_autocast():
    """In 8 bits of mantissa sums of three bytes are up to 4 apart, and residuals are clamped at 3."""
    pixels = normalise(crops(2), **NORM)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = NoiseResidual(**NORM)(pixels)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, NoiseResidual(**NORM)(pixels))


def test_residuals_are_each_channel_filtered_and_summed_on_the_scale_of_bytes():
    crop = crops()
    found = NoiseResidual(**NORM)(normalise(crop, **NORM))[0, :, 2:-2, 2:-2]
    raw = crop[0].numpy().astype(np.float64)
    for kernel, residual in zip(residual_kernels().double().numpy(), found.numpy(), strict=True):
        total = sum(correlate2d(raw[:, :, channel], kernel[0], mode="valid") for channel in range(3))
        assert np.abs(total).max() > 3  # the limit acts
        np.testing.assert_allclose(residual, np.clip(total, -3, 3) / 3, atol=1e-3)


def test_filters_are_not_trained_and_not_saved():
    stem = ConvStem(16, **NORM)
    assert not any("residual" in name for name, _ in stem.named_parameters())
    assert not any("residual" in name for name in stem.state_dict())


def test_the_stem_has_stride_16_and_gradients():
    stem = ConvStem(16, widths=(4, 6, 8), **NORM)
    maps = stem(normalise(crops(2, 64), **NORM))
    assert maps.shape == (2, 16, 4, 4)
    maps.square().sum().backward()
    assert all(parameter.grad is not None for parameter in stem.parameters())
    assert stem.weight.dtype == torch.float32


def test_a_block_that_keeps_its_shape_has_a_shortcut():
    block = InvertedResidual(4, 4, stride=1, expansion=2).eval()
    with torch.no_grad():
        block.body[-1][1].weight.zero_()
        maps = torch.randn(1, 4, 6, 6)
        torch.testing.assert_close(block(maps), maps)
