from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from bonaface.attacks.processing import compressed


def test_storage_loses_more_of_blue_than_of_red():
    """Luma has 0.299 of red and 0.114 of blue; Pillow's JPEG is the witness of by how much."""
    blocks = (
        np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8).repeat(8, axis=0).repeat(8, axis=1)
    )
    lost, lost_there = np.zeros(3), np.zeros(3)
    for seed in range(40):
        out = compressed(blocks, 1.0, 40, np.random.default_rng(seed))
        stored = io.BytesIO()
        Image.fromarray(blocks).save(stored, "JPEG", quality=25, subsampling=2 * (seed % 2))
        lost += np.abs(out.astype(float) - blocks).mean(axis=(0, 1))
        lost_there += np.abs(np.asarray(Image.open(stored), float) - blocks).mean(axis=(0, 1))
    assert lost_there[0] < 0.9 * lost_there[2]
    assert lost[0] / lost[2] == pytest.approx(lost_there[0] / lost_there[2], abs=0.1)
