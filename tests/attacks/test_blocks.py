from __future__ import annotations

import cv2
import numpy as np
import pytest

from bonaface.attacks.blocks import dct_basis, from_blocks, padded, to_blocks
from bonaface.attacks.products import times

PLANE = np.random.default_rng(0).uniform(0, 255, (24, 40)).astype(np.float32)


def test_blocks_are_cut_row_by_row_and_laid_back():
    blocks = to_blocks(PLANE, 8)
    assert blocks.shape == (15, 64)
    assert (blocks[6].reshape(8, 8) == PLANE[8:16, 8:16]).all()
    assert (from_blocks(blocks, 8, 24, 40) == PLANE).all()


@pytest.mark.parametrize("size", [4, 8])
def test_the_basis_is_opencvs_dct_slow_functions_first(size):
    basis, block = dct_basis(size), PLANE[:size, :size]
    assert basis @ basis.T == pytest.approx(np.eye(size * size), abs=1e-5)
    assert sorted(np.abs(basis @ block.ravel())) == pytest.approx(
        sorted(np.abs(cv2.dct(block)).ravel()), abs=1e-2
    )
    assert basis[0] == pytest.approx(np.full(size * size, 1 / size))
    crossings = [
        (np.diff(np.sign(f.reshape(size, size)), axis=axis) != 0).sum()
        for f in basis[[1, -1]]
        for axis in (0, 1)
    ]
    assert sum(crossings[:2]) < sum(crossings[2:])


def test_padding_makes_whole_blocks_and_goes_on():
    whole = padded(PLANE[:13, :22], 8, offset=(3, 5))
    assert whole.shape == (16, 32)
    assert (whole[3:16, 5:27] == PLANE[:13, :22]).all()
    assert (whole[:3, 5:27] == PLANE[0, :22]).all()
    assert padded(PLANE, 8).shape == PLANE.shape


def test_products():
    assert times(PLANE, PLANE, is_transposed=True) == pytest.approx(PLANE @ PLANE.T, rel=1e-5)
    assert times(PLANE, PLANE.T.copy()) == pytest.approx(PLANE @ PLANE.T, rel=1e-5)
