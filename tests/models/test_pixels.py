import numpy as np
import torch

from bonaface.models.pixels import normalise


def test_pixels_are_the_formula_channels_first():
    crop = np.random.default_rng(0).integers(0, 256, (2, 4, 5, 3), dtype=np.uint8)
    mean, std = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
    expected = ((crop.astype(np.float64) / 255 - mean) / std).transpose(0, 3, 1, 2)
    found = normalise(torch.from_numpy(crop), mean=mean, std=std)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5, atol=1e-6)
