"""A face swap between two people: the partner's inner face, aligned, recoloured and put over the scene's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from bonaface.attacks.anatomy import Points, anatomy
from bonaface.attacks.complexion import Transfer, recoloured
from bonaface.attacks.mesh import (
    Matrix,
    brought_near,
    chained,
    control_points,
    depth_inside,
    face_matrix,
    flat_maps,
    frame_points,
    inverse,
    mesh_maps,
    moved,
    warped,
)
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, draw_inner_face, inner_mask, inner_window
from bonaface.attacks.skin_reach import skin_shares
from bonaface.attacks.variants import chosen_variant
from bonaface.types import Picture

Alignment = Literal["similarity", "mesh"]

VARIANTS = ("alpha", "poisson", "pyramid")
"""What is done along the seam: a detector trained on some has not seen the traces of the others."""

EDGES: dict[str, tuple[float, float]] = {
    "alpha": (0.03, 0.2),
    "poisson": (0.03, 0.08),
    "pyramid": (0.12, 0.3),
}
"""Widths of the soft edge by variant at strength 1, as shares of the face's side."""

_FADE = 0.08
"""Width over which a partner's face that is cut by its own picture fades out, as a share of its side."""


@dataclass(frozen=True, slots=True)
class SwapParameters:
    """One face put over another.

    Attributes:
        variant: alpha, poisson or pyramid, as `blended`.
        alignment: similarity turns, scales and shifts the partner's face; mesh also gives it the scene's shape.
        scale: What the alignment misses: magnification.
        rotation_deg: What it misses: turn, clockwise.
        shift_x: What it misses, as a share of the face's side.
        shift_y: What it misses, as a share of the face's side.
        transfer: How the colours are brought to the scene's.
        transfer_amount: Share of the colours' difference that is removed, in [0, 1].
        face_px: Side of the face inside the swapping network, in pixels, at most 0.8 of the side in the picture; 0
            where no network was used and the face is copied.
        sharpen: Unsharp amount after enlarging; 0 is none.
        region: The swapped region.
    """

    variant: str
    alignment: Alignment
    scale: float
    rotation_deg: float
    shift_x: float
    shift_y: float
    transfer: Transfer
    transfer_amount: float
    face_px: float
    sharpen: float
    region: InnerFace


def draw_swap(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> SwapParameters:
    """Draws a swap: two in three through a network's low resolution, the others copied.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales the misfit, the colour that is left over, the lost detail and the edge's sharpness.
        variant: One of `VARIANTS`; drawn when None.

    Raises:
        SimulationError: If there is no such variant.
    """
    u, normal = rng.uniform, rng.normal
    chosen = chosen_variant(rng, variant, species="faceswap", variants=VARIANTS)
    edge = float(np.exp(u(*np.log(EDGES[chosen])))) / max(strength, 0.25) ** 0.5
    has_network, is_sharpened = rng.random() < 0.66, rng.random() < 0.3
    return SwapParameters(
        variant=chosen,
        alignment="mesh" if rng.random() < 0.5 else "similarity",
        scale=1 + float(normal(0, 0.018)) * strength,
        rotation_deg=float(normal(0, 1.2)) * strength,
        shift_x=float(normal(0, 0.01)) * strength,
        shift_y=float(normal(0, 0.01)) * strength,
        transfer=get_args(Transfer)[int(rng.integers(3))],
        transfer_amount=max(0.0, 1 - float(u(0.0, 0.5)) * strength),
        face_px=float(u(44, 120)) / max(strength, 0.25) ** 0.5 * has_network,
        sharpen=float(u(0.2, 0.8)) * strength * is_sharpened,
        region=draw_inner_face(rng, edge=edge, size=0.92 if chosen == "poisson" else 1.0),
    )


def apply_swap(scene: Scene, parameters: SwapParameters, partner: Scene) -> Scene:
    """The scene with the partner's inner face; pixels outside `swap_mask` stay to the byte.

    Where the region would end on hair, a cap or the wall it is drawn in to where both people have skin.

    Args:
        scene: Who is shown around the inner face.
        parameters: As drawn.
        partner: Another person, of any size and place.

    Returns:
        The scene's own face box; landmarks where both scenes have them.

    Raises:
        SimulationError: If either's landmarks do not span a face.
    """
    p = parameters
    pixels = scene.pixels.copy()
    fit = _fit(scene, partner, p)
    window = inner_window(p.region, face_matrix(scene), scene.size)
    if not is_empty(window):
        target = np.ascontiguousarray(scene.pixels[window])
        face, mask = _face_and_mask(scene, fit, p, window)
        face = recoloured(face, target, mask, transfer=p.transfer, amount=p.transfer_amount)
        face = _resynthesised(face, scene.face.side, p)
        pixels[window] = blended(face, target, mask, seam=p.variant)
    return Scene(pixels, scene.face, fit.target_points[:5] if fit.is_found else None)


def swap_mask(scene: Scene, parameters: SwapParameters, partner: Scene) -> Plane:
    """Where `apply_swap` may change the scene: (height, width) float32 in [0, 1]."""
    mask = np.zeros(scene.size, dtype=np.float32)
    window = inner_window(parameters.region, face_matrix(scene), scene.size)
    if not is_empty(window):
        mask[window] = _face_and_mask(scene, _fit(scene, partner, parameters), parameters, window)[1]
    return mask


@dataclass(frozen=True, slots=True)
class _Fit:
    """How the partner is laid over the scene.

    Attributes:
        source: The partner.
        from_scene: The similarity from the scene's pixels to the source's.
        target_points: The mesh, or the five points alone, where they land in the scene; the five points first.
        source_points: The mesh in the source; None where the alignment is the similarity.
        is_found: Whether finders gave both faces' points.
    """

    source: Scene
    from_scene: Matrix
    target_points: Points
    source_points: Points | None
    is_found: bool


def _fit(scene: Scene, partner: Scene, p: SwapParameters) -> _Fit:
    source, to_scene = brought_near(scene, partner)
    side, angle, middle = scene.face.side, np.deg2rad(p.rotation_deg), np.array(scene.face.center)
    turn = p.scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    misfit = np.c_[turn, middle - turn @ middle + np.array([p.shift_x, p.shift_y]) * side]
    to_scene = chained(to_scene, misfit)
    is_found = scene.landmarks is not None and partner.landmarks is not None
    if p.alignment == "similarity":
        landed = moved(anatomy(source).points, to_scene)
        return _Fit(source, inverse(to_scene), landed, None, is_found)
    inner, frame = moved(control_points(scene), misfit), moved(frame_points(scene), misfit)
    source_points = np.concatenate([control_points(source), moved(frame, inverse(to_scene))])
    return _Fit(source, inverse(to_scene), np.concatenate([inner, frame]), source_points, is_found)


def _face_and_mask(
    scene: Scene, fit: _Fit, p: SwapParameters, window: tuple[slice, slice]
) -> tuple[Picture, Plane]:
    """The source as the window sees it, and the region as far as both people's skin and the source's picture reach."""
    rows, columns = window
    size = (rows.stop - rows.start, columns.stop - columns.start)
    corner = np.array([columns.start, rows.start], np.float32)
    beyond = np.c_[fit.from_scene[:, :2], moved(corner[None], fit.from_scene)[0]]
    if fit.source_points is None:
        maps = flat_maps(beyond, size)
    else:
        maps = mesh_maps(fit.target_points - corner, fit.source_points, size, beyond=beyond)
    face, place = warped(fit.source.pixels, maps), face_matrix(scene)
    shares = skin_shares(p.region, place, window, (np.ascontiguousarray(scene.pixels[window]), face))
    depth = depth_inside(maps, fit.source.size) / np.float32(_FADE * fit.source.face.side)
    return face, inner_mask(p.region, place, window, shares) * np.clip(depth, 0, 1)


def _resynthesised(face: Picture, side: float, p: SwapParameters) -> Picture:
    """Down to the network's resolution and back up; sharpened at the scale of what was lost."""
    height, width = face.shape[:2]
    ratio = 0.8
    if p.face_px > 0:
        ratio = min(p.face_px / side, ratio)
        small_size = (max(round(width * ratio), 2), max(round(height * ratio), 2))
        small = cv2.resize(face, small_size, interpolation=cv2.INTER_AREA)
        face = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if p.sharpen > 0:
        soft = cv2.GaussianBlur(face, (0, 0), 1.5 / ratio**0.5)
        face = cv2.addWeighted(face, 1 + p.sharpen, soft, -p.sharpen, 0)
    return np.asarray(face, dtype=np.uint8)
