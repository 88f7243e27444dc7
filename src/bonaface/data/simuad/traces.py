"""Fixed statistics of a prepared crop: what noise, spectrum and colour alone show of an attack. Nothing is learned."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.types import Picture

Values = npt.NDArray[np.float64]

BANDS = 8
"""Rings of the residual's spectrum."""

_SIGMAS = (1.0, 2.0, 4.0)
_LAGS = ((0, 1), (1, 0), (0, 2), (2, 0))
_TINY = 1e-6


def traces(crop: Picture) -> Values:
    """The statistics of a crop, (features,): residuals at three scales, their correlations and spectrum, and colours.

    Args:
        crop: (size, size, 3) uint8 RGB, a face in the middle. Most are taken of the middle, where the face is, and of the
            rim, where it is not, apart: what was pasted differs from what stands around it.
    """
    luma, red, blue = cv2.split(cv2.cvtColor(crop, cv2.COLOR_RGB2YCrCb).astype(np.float32))
    middle = _middle(crop.shape[0])
    fine, *coarser = _residuals(luma)
    chroma = [plane - cv2.GaussianBlur(plane, (0, 0), 1.0) for plane in (red, blue)]
    numbers: list[float] = []
    for region in (middle, ~middle):
        numbers += [_log(float(np.mean(plane[region] ** 2))) for plane in (fine, *coarser, *chroma)]
        for plane in (luma, red, blue):
            numbers += [float(plane[region].mean()), float(plane[region].std())]
    numbers.append(_log(float(np.mean(fine**4)) / (float(np.mean(fine**2)) ** 2 + _TINY)))
    numbers += [
        _correlation(fine[dy:, dx:], fine[: fine.shape[0] - dy, : fine.shape[1] - dx]) for dy, dx in _LAGS
    ]
    numbers += [_correlation(fine, plane) for plane in chroma]
    numbers += [float(np.percentile(luma, q)) for q in (1, 5, 95, 99)]
    return np.concatenate([numbers, _spectrum(fine)])


def _middle(size: int) -> npt.NDArray[np.bool_]:
    """True in the middle half of the height and of the width."""
    mask = np.zeros((size, size), np.bool_)
    mask[size // 4 : size - size // 4, size // 4 : size - size // 4] = True
    return mask


def _residuals(plane: npt.NDArray[np.float32]) -> list[npt.NDArray[np.float32]]:
    """What each blur takes away from the one before it, the finest first."""
    softer = [np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), np.float32) for sigma in _SIGMAS]
    return [one - other for one, other in zip([plane, *softer], softer, strict=False)]


def _spectrum(residual: npt.NDArray[np.float32]) -> Values:
    """Log power of the residual by ring of frequency, from 0 to half the sampling rate, less their mean."""
    size = residual.shape[0]
    window = np.hanning(size)
    power = np.abs(np.fft.fft2(residual * window[:, None] * window)) ** 2
    frequency = np.fft.fftfreq(size)
    ring = (np.hypot(frequency[:, None], frequency) * 2 * BANDS).astype(int)
    sums = np.bincount(ring.ravel(), power.ravel(), minlength=BANDS)[:BANDS]
    rings = np.log(sums / np.bincount(ring.ravel(), minlength=BANDS)[:BANDS] + _TINY)
    return np.asarray(rings - rings.mean(), np.float64)


def _correlation(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> float:
    spread = float(np.sqrt(np.mean(one**2) * np.mean(other**2)))
    return float(np.mean(one * other)) / (spread + _TINY)


def _log(value: float) -> float:
    return float(np.log(value + _TINY))
