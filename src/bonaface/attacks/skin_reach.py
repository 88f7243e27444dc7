"""How far a region of a face reaches before hair, a cap or the wall begins, in both pictures that meet there."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.features import alike, drawn, oval
from bonaface.attacks.mesh import Matrix, moved
from bonaface.attacks.seam import MIDDLE, InnerFace, curve
from bonaface.types import Picture

SHARES = np.linspace(0.8, 1.0, 6, dtype=np.float32)
"""What may be kept of a region's radius."""

SKIN = 0.35
"""Likeness with the cheeks' and the nose's colour from which on a place counts as skin."""

_DEVIATIONS = (45, 10, 10)
"""Of the likeness, in steps of uint8 of Y', Cr and Cb."""


def skin_shares(
    region: InnerFace, face: Matrix, window: tuple[slice, slice], pictures: Iterable[Picture]
) -> npt.NDArray[np.float32]:
    """How much of each of the curve's 48 radii to keep so that it ends on skin in all pictures, in [0.8, 1].

    The largest share that ends on skin; where none does, the whole radius. Neighbours follow, so that no teeth show.

    Args:
        region: Whose curve it is.
        face: From shares of the box to pixels, as `face_matrix`.
        window: Rows and columns that the pictures show.
        pictures: (height, width, 3) uint8 RGB each, of the window's size, the faces in the same place.
    """
    rays = MIDDLE + SHARES[:, None, None] * (curve(region) - MIDDLE)
    places = moved(rays.reshape(-1, 2), face) - np.array([window[1].start, window[0].start], np.float32)
    x, y = np.ascontiguousarray(places.T).reshape(2, len(SHARES), -1)
    likeness = np.ones_like(x)
    seed = drawn([oval(x, 0.5, 0.1, 0.09) for x in (0.24, 0.5, 0.76)], face, window, blur=0.0)
    for picture in pictures:
        plane = alike(picture, seed, deviations=_DEVIATIONS)
        seen = cv2.remap(plane, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        likeness = np.minimum(likeness, seen)
    return _smooth(np.max(np.where(likeness > SKIN, SHARES[:, None], 0), axis=0))


def _smooth(shares: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """Around the curve: each no longer than its neighbours, then averaged; 0 stands for unknown and becomes 1."""
    known = np.where(shares > 0, shares, 1.0).astype(np.float32)
    shortest = np.minimum(known, np.minimum(np.roll(known, 1), np.roll(known, -1)))
    return np.asarray(sum(np.roll(shortest, by) for by in range(-2, 3)) / 5, dtype=np.float32)
