"""A plane cut into square blocks, as video codecs and patch-wise decoders see it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from bonaface.attacks.scene import Plane


def to_blocks(plane: Plane, size: int) -> Plane:
    """(height, width), both multiples of `size`, as (blocks, size * size), block rows first."""
    height, width = plane.shape
    cut = plane.reshape(height // size, size, width // size, size).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(cut).reshape(-1, size * size)


def from_blocks(blocks: Plane, size: int, height: int, width: int) -> Plane:
    """The plane of (height, width) that `to_blocks` cut."""
    laid = blocks.reshape(height // size, width // size, size, size).transpose(0, 2, 1, 3)
    return np.ascontiguousarray(laid).reshape(height, width)


def padded(plane: Plane, size: int, *, offset: tuple[int, int] = (0, 0)) -> Plane:
    """The plane with (top, left) `offset` and at the end so much more that whole blocks fit; edge values go on."""
    top, left = offset
    bottom, right = -(plane.shape[0] + top) % size, -(plane.shape[1] + left) % size
    return np.asarray(
        cv2.copyMakeBorder(plane, top, bottom, left, right, cv2.BORDER_REPLICATE), dtype=np.float32
    )


@lru_cache(maxsize=8)
def dct_basis(size: int) -> Plane:
    """The orthonormal two-dimensional DCT-II of a block: a row a function, slow ones first; (size^2, size^2)."""
    position, order = np.arange(size), np.arange(size)
    waves = np.cos(np.pi / size * (position[None, :] + 0.5) * order[:, None]) * np.sqrt(2 / size)
    waves[0] *= np.sqrt(0.5)
    functions = np.einsum("iy,jx->ijyx", waves, waves).reshape(size * size, size * size)
    frequency = (order[:, None] + order[None, :]).ravel()
    basis = np.ascontiguousarray(functions[np.argsort(frequency, kind="stable")], dtype=np.float32)
    basis.setflags(write=False)
    return basis
