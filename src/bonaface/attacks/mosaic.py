"""A sensor behind a colour filter array: one colour is measured in each pixel, the other two come from neighbours."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

PATTERNS = ("RGGB", "GRBG", "GBRG", "BGGR")
"""Bayer's filter in its four positions: the colours of the first two by two pixels, row by row."""

_BORDER = 2
"""Mirrored pixels round the mosaic, as OpenCV's filters stop one short of the edge; even, to keep the pattern."""


def mosaicked(image: npt.NDArray[np.generic], pattern: str) -> npt.NDArray[np.generic]:
    """What the sensor measures: of each pixel of an RGB image (height, width, 3) only its filter's colour.

    Args:
        image: Any kind of number.
        pattern: One of `PATTERNS`.
    """
    raw = cv2.extractChannel(image, 1)
    for place, colour in enumerate(pattern):
        row, column = divmod(place, 2)
        if colour != "G":
            raw[row::2, column::2] = image[row::2, column::2, "RGB".index(colour)]
    return np.asarray(raw)


def demosaicked(
    raw: npt.NDArray[np.generic], pattern: str, *, is_edge_aware: bool = False
) -> npt.NDArray[np.generic]:
    """The RGB image (height, width, 3) that a camera makes of a mosaic (height, width), uint8 or uint16.

    Args:
        raw: From `mosaicked`.
        pattern: The same one.
        is_edge_aware: Whether green is taken along edges and not across them; else all is interpolated linearly.
    """
    method = getattr(cv2, f"COLOR_Bayer{pattern}2RGB{'_EA' if is_edge_aware else ''}")
    sides = (_BORDER,) * 4
    wide = cv2.cvtColor(cv2.copyMakeBorder(raw, *sides, borderType=cv2.BORDER_REFLECT_101), method)
    return np.ascontiguousarray(wide[_BORDER:-_BORDER, _BORDER:-_BORDER])
