"""How one face is put into another picture: the region that it fills, and what is done along the seam."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.mesh import Matrix, moved
from bonaface.attacks.outlines import is_empty, window_about
from bonaface.attacks.scene import Plane
from bonaface.types import Picture

MIDDLE = np.float32(0.5)
"""Of the box, in both directions: what the curve lies about."""

_POINTS = 48
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class InnerFace:
    """What is swapped: a closed curve about the middle of the face box, in shares of the box.

    Attributes:
        seed: Of the unevenness.
        half_width: From the middle to the cheeks.
        top: From the middle up to the brows or the forehead.
        bottom: From the middle down to the chin.
        flatness: Exponent of the upper half's superellipse: 2 is round, 4 as flat as a line of brows.
        unevenness: Deviation of the radius, as a share of it, in waves of a half to a quarter turn.
        edge: Width of the soft edge inside the curve.
    """

    seed: int
    half_width: float
    top: float
    bottom: float
    flatness: float
    unevenness: float
    edge: float


def draw_inner_face(rng: np.random.Generator, *, edge: float, size: float = 1.0) -> InnerFace:
    """Draws a region: from brows or mid-forehead to the chin, most of the face's width.

    Args:
        rng: Where all randomness comes from.
        edge: Width of the soft edge, as a share of the box.
        size: Factor of the region's own size.
    """
    u = rng.uniform
    return InnerFace(
        seed=int(rng.integers(2**31)),
        half_width=size * float(u(0.35, 0.46)),
        top=size * float(u(0.42, 0.6)),
        bottom=size * float(u(0.42, 0.52)),
        flatness=float(u(2.0, 3.6)),
        unevenness=float(u(0.0, 0.035)),
        edge=edge,
    )


def curve(region: InnerFace) -> npt.NDArray[np.float32]:
    """(48, 2) points around the region in shares of the face box, clockwise from the right of the picture."""
    angle = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    cos, sin = np.cos(angle), np.sin(angle)
    power = np.where(sin < 0, 2 / region.flatness, 1.0)
    waves, phases = np.random.default_rng(region.seed).standard_normal((2, 3))
    uneven = sum(
        w * np.cos(k * angle + 2 * np.pi * p) for k, w, p in zip((2, 3, 4), waves, phases, strict=True)
    )
    radius = 1 + region.unevenness * np.clip(uneven, -2, 2)
    height = np.where(sin < 0, region.top, region.bottom)
    x = MIDDLE + radius * region.half_width * np.sign(cos) * np.abs(cos) ** power
    y = MIDDLE + radius * height * np.sign(sin) * np.abs(sin) ** power
    return np.stack([x, y], axis=1).astype(np.float32)


def inner_window(region: InnerFace, face: Matrix, size: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns about the region in a picture of (height, width) `size`; empty where it lies outside.

    Args:
        region: In shares of a face box.
        face: From shares of the box to pixels, as `face_matrix`.
        size: Of the picture.
    """
    return window_about([moved(curve(region), face)], 2.0, size)


def inner_mask(
    region: InnerFace,
    face: Matrix,
    window: tuple[slice, slice],
    shares: npt.NDArray[np.float32] | None = None,
) -> Plane:
    """The region as a mask in [0, 1] over a window of the picture: 0 outside, rising smoothly inwards to 1.

    The picture's own border makes no edge. An empty window gives an empty mask.

    Args:
        region: In shares of a face box.
        face: From shares of the box to pixels, as `face_matrix`.
        window: Of the picture.
        shares: (48,): how much of each radius is kept, as `skin_shares`; None keeps all.
    """
    rows, columns = window
    if is_empty(window):
        return np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.float32)
    outline = curve(region)
    if shares is not None:
        outline = MIDDLE + shares[:, None] * (outline - MIDDLE)
    points = moved(outline, face) - np.array([columns.start, rows.start], np.float32)
    inside = np.zeros((rows.stop - rows.start, columns.stop - columns.start), dtype=np.uint8)
    cv2.fillPoly(inside, [np.rint(points * 2**_SUBPIXEL_BITS).astype(np.int32)], 1, shift=_SUBPIXEL_BITS)
    side = float(np.sqrt(np.abs(np.linalg.det(face[:, :2]))))
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_3)
    rise = np.minimum(depth * np.float32(1 / max(region.edge * side, 1.5)), 1)
    return np.asarray(rise * rise * (3 - 2 * rise), dtype=np.float32)


def blended(source: Picture, target: Picture, mask: Plane, *, seam: str) -> Picture:
    """The source put into the target: all three (height, width); pixels where the mask is 0 stay to the byte.

    Args:
        source: The face that comes, already in place.
        target: The picture that it enters.
        mask: In [0, 1], as `inner_mask`.
        seam: alpha mixes by the mask; poisson first brings the source to the target's values along the edge, its
            gradients kept; pyramid mixes each scale over its own width.
    """
    mixed = {"alpha": alpha, "poisson": _poisson, "pyramid": pyramid}[seam](source, target, mask)
    return np.where(mask[..., None] > 0, mixed, target)


def alpha(source: Picture, target: Picture, mask: Plane) -> Picture:
    """The source times the mask plus the target times the rest, rounded."""
    weight = cv2.merge([mask, mask, mask])
    before = target.astype(np.float32)
    return _picture(before + weight * (source.astype(np.float32) - before))


_USUAL_STEP = 28.0
"""Steps between skin and skin differ by about this much along a seam, in steps of uint8; further off is no skin."""


def _poisson(source: Picture, target: Picture, mask: Plane) -> Picture:
    """Seamless cloning (Perez et al. 2003) in its membrane form: the step known outside is carried smoothly inside.

    Where the edge crosses hair, glasses or a wall the step is far from its median and would blotch the face: there
    the median is carried instead, and the mask's soft edge hides what is left.
    """
    inside = (mask > 0).astype(np.uint8)
    step = target.astype(np.float32) - source.astype(np.float32)
    ring = (cv2.dilate(inside, _CROSS) - inside) > 0
    if ring.any():
        step[ring] = _usual(step[ring])
    return alpha(_picture(source.astype(np.float32) + membrane(step, inside)), target, mask)


def _usual(steps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Steps (pixels, 3) as they are about their median; the further off, the nearer to it they are brought."""
    median = np.median(steps, axis=0)
    away = steps - median
    weight = np.exp(-0.5 * np.square(away).mean(axis=1, keepdims=True) / np.float32(_USUAL_STEP**2))
    return np.asarray(median + away * weight, dtype=np.float32)


def membrane(values: npt.NDArray[np.float32], inside: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """Values (height, width, 3) carried over the pixels where `inside` is 1: each becomes its neighbours' mean.

    Laplace's equation with the pixels next to the hole fixed and no flow through the picture's border, solved from
    coarse to fine: off by about a tenth of those pixels' spread in the root mean square, by more where they are
    noisy. A hole without a border becomes 0.
    """
    ring = cv2.dilate(inside, _CROSS) - inside
    spread = _spread(values, ring.astype(np.float32), sweeps=3)
    return np.asarray(cv2.copyTo(spread, inside, values.copy()), dtype=np.float32)


_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_NEIGHBOURS = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], np.float32) / 4
_MAX_SWEEPS = 24


def _spread(values: npt.NDArray[np.float32], known: Plane, *, sweeps: int) -> npt.NDArray[np.float32]:
    """Values everywhere from those where `known` is above 0: the answer at half the size, then averaging sweeps."""
    height, width = known.shape
    weighted = cv2.multiply(values, cv2.merge([known, known, known]))
    if min(height, width) <= 3:
        mean = np.asarray(cv2.sumElems(weighted)[:3]) / max(float(known.sum()), 1e-6)
        return np.where(known[..., None] > 0, values, mean.astype(np.float32))
    size = ((width + 1) // 2, (height + 1) // 2)
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(weighted, size, interpolation=cv2.INTER_AREA)
    coarse /= np.maximum(share, 1e-6)[..., None]
    coarse = _spread(coarse, (share > 1e-6).astype(np.float32), sweeps=min(2 * sweeps, _MAX_SWEEPS))
    fine = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    fixed = (known > 0).astype(np.uint8)
    for _ in range(sweeps):
        cv2.copyTo(values, fixed, fine)
        fine = cv2.filter2D(fine, -1, _NEIGHBOURS, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.copyTo(values, fixed, fine), dtype=np.float32)


def pyramid(source: Picture, target: Picture, mask: Plane) -> Picture:
    """Laplacian pyramid blending (Burt and Adelson 1983) with at most four scales."""
    levels = min(4, int(np.log2(max(min(mask.shape), 2))))
    difference = source.astype(np.float32) - target.astype(np.float32)
    weight = cv2.merge([mask, mask, mask])
    details, weights = [], [weight]
    for _ in range(levels):
        smaller = cv2.pyrDown(difference)
        details.append(difference - cv2.pyrUp(smaller, dstsize=(difference.shape[1], difference.shape[0])))
        difference = smaller
        weights.append(cv2.pyrDown(weights[-1]))
    mixed = difference * weights[-1]
    for detail, share in zip(reversed(details), reversed(weights[:-1]), strict=True):
        mixed = cv2.pyrUp(mixed, dstsize=(detail.shape[1], detail.shape[0])) + detail * share
    return _picture(target.astype(np.float32) + mixed)


def _picture(values: npt.NDArray[np.float32]) -> Picture:
    return np.asarray(cv2.convertScaleAbs(np.maximum(values, 0)), dtype=np.uint8)
