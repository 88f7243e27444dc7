"""Random fields over a picture: grain, slow unevenness, and smooth displacements."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane


def grain(rng: np.random.Generator, height: int, width: int, *, sigma_px: float = 0.0) -> Plane:
    """Gaussian noise of zero mean and unit deviation, (height, width), blurred by `sigma_px` pixels."""
    noise = rng.standard_normal((height, width), dtype=np.float32)
    if sigma_px < 0.3:
        return noise
    noise = cv2.GaussianBlur(noise, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(noise * np.float32(_blurred_gain(sigma_px)), dtype=np.float32)


def _blurred_gain(sigma_px: float) -> float:
    """What brings white noise blurred by `sigma_px` back to unit deviation: 1 over the kernel's 2-norm."""
    reach = int(np.ceil(4 * sigma_px))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_px) ** 2)
    kernel /= kernel.sum()
    return float(1 / (kernel**2).sum())


def unevenness(rng: np.random.Generator, height: int, width: int, *, cells: int) -> Plane:
    """A slow random field, roughly zero mean and unit deviation, with `cells` random knots along each side."""
    return smooth(rng.standard_normal((cells, cells)), height, width)


def displacement(
    rng: np.random.Generator, height: int, width: int, *, points: int, sigma_px: float
) -> tuple[Plane, Plane]:
    """Smooth random shifts (x, y) in pixels: normal with `sigma_px` at `points` by `points` knots, cubic between.

    The outermost knots lie on the picture's edges.
    """
    knots = rng.standard_normal((2, points, points)) * sigma_px
    return smooth(knots[0], height, width), smooth(knots[1], height, width)


def smooth(knots: npt.NDArray[np.floating], height: int, width: int) -> Plane:
    """Cubic interpolation of (rows, columns) knots over (height, width) pixels, corner knots on corner pixels."""
    return spread(knots, _cubic_weights(height, knots.shape[0]), _cubic_weights(width, knots.shape[1]))


def spread(knots: npt.NDArray[np.floating], rows: Plane, columns: Plane) -> Plane:
    """(height, width): `rows` (height, knot rows) times knots times `columns` (width, knot columns) transposed."""
    across = times(np.ascontiguousarray(knots, dtype=np.float32), columns, is_transposed=True)
    return times(rows, across)


@lru_cache(maxsize=64)
def _cubic_weights(length: int, points: int) -> Plane:
    """(length, points): each row weighs the knots by Keys' cubic kernel (a = -0.5), edge knots repeated."""
    position = np.linspace(0, points - 1, length)
    first = np.floor(position).astype(int) - 1
    weights = np.zeros((length, points), dtype=np.float32)
    for step in range(4):
        knot = first + step
        t = np.abs(position - knot)
        near = 1.5 * t**3 - 2.5 * t**2 + 1
        far = -0.5 * t**3 + 2.5 * t**2 - 4 * t + 2
        weight = np.where(t < 1, near, np.where(t < 2, far, 0.0))
        np.add.at(weights, (np.arange(length), np.clip(knot, 0, points - 1)), weight.astype(np.float32))
    weights.setflags(write=False)
    return weights


def moved_grid(dx: Plane, dy: Plane) -> tuple[Plane, Plane]:
    """Displacements as sampling positions: x plus `dx`, y plus `dy`. Writes into both."""
    dx += np.arange(dx.shape[1], dtype=np.float32)[None, :]
    dy += np.arange(dy.shape[0], dtype=np.float32)[:, None]
    return dx, dy
