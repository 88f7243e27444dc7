"""Morphs: a face between two people's, in shape and in texture, that both may pass for."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.attacks.anatomy import Points
from bonaface.attacks.complexion import recoloured
from bonaface.attacks.mesh import (
    Maps,
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
from bonaface.attacks.variants import chosen_variant
from bonaface.types import Box, Picture

VARIANTS = ("full", "spliced", "combined")
"""full: both whole pictures warped to the mean shape and mixed, with ghosts where hair and shoulders differ. spliced:
the mix in the scene's own shape, put back into the untouched scene. combined: the mix in the mean shape, put into the
scene alone warped to that shape, with weights of shape and texture of their own; no ghosts, and a little smoothing."""

_STILL: Matrix = np.eye(2, 3)
_FADE_INSIDE, _FADE_OUTSIDE = 0.1, 0.35
"""Widths over which the partner fades out at its picture's border, as shares of its face's side."""

_UNSEEN_PX = 1 / 64
"""Warps by less leave every byte."""


@dataclass(frozen=True, slots=True)
class MorphParameters:
    """One morph. Weights are the partner's, in [0, 1]; the scene has the rest.

    Attributes:
        seed: Of the points' misplacement.
        variant: full, spliced or combined, see `VARIANTS`.
        alpha: Weight of the texture.
        shape_alpha: Weight of the shape.
        misplacement: Deviation of each of the partner's five points from where it is, as a share of the face's side.
        transfer_amount: Share of the colours' difference that is removed before mixing.
        ghost: Weight of the partner outside the inner face over that inside (full), in [0, 1]; less is retouched.
        smooth_px: Gaussian smoothing of the mixed face for a side of 160 px; 0 is none.
        seam: How the mix is put back (spliced, combined), as `blended`.
        region: What is put back; in full the inner face.
    """

    seed: int
    variant: str
    alpha: float
    shape_alpha: float
    misplacement: float
    transfer_amount: float
    ghost: float
    smooth_px: float
    seam: str
    region: InnerFace


def draw_morph(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> MorphParameters:
    """Draws a morph with weights of 0.3 to 0.7.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales misplaced points (double contours), colour that is left over, ghosts and smoothing.
        variant: One of `VARIANTS`; drawn when None.

    Raises:
        SimulationError: If there is no such variant.
    """
    u = rng.uniform
    chosen = chosen_variant(rng, variant, species="morph", variants=VARIANTS)
    alpha, own_shape = float(u(0.3, 0.7)), float(u(0.3, 0.7))
    smooth, ghost = float(u(0.3, 0.9)) * strength, float(u(0.7, 1.1)) * strength
    is_poisson, wide = rng.random() < 0.6, float(u(0.1, 0.25))
    edge = 0.3 if chosen == "full" else float(u(0.03, 0.08)) if is_poisson else wide
    return MorphParameters(
        seed=int(rng.integers(2**31)),
        variant=chosen,
        alpha=alpha,
        shape_alpha={"full": alpha, "spliced": 0.0, "combined": own_shape}[chosen],
        misplacement=float(u(0.0, 0.018)) * strength,
        transfer_amount=max(0.0, 1 - float(u(0.2, 0.6)) * strength),
        ghost=min(ghost, 1.0) if chosen == "full" else 0.0,
        smooth_px=smooth if chosen == "combined" else 0.0,
        seam="poisson" if is_poisson else "pyramid",
        region=draw_inner_face(rng, edge=edge, size=0.92 if edge < 0.1 else 1.0),
    )


def apply_morph(scene: Scene, parameters: MorphParameters, partner: Scene) -> Scene:
    """The scene's face mixed with the partner's; pixels where `morph_mask` is 0 stay to the byte.

    Args:
        scene: Whose frame, and in all variants but full whose hair and background, the morph has.
        parameters: As drawn.
        partner: Another person, of any size and place.

    Returns:
        The mean face box, its landmarks where both scenes have them. Where they have none, double contours come
        from the faces' guessed points: in the mean 8 % of the side apart, against 2 % for found ones.

    Raises:
        SimulationError: If either's landmarks do not span a face.
    """
    p = parameters
    shape = _shape(scene, partner, p)
    pixels = scene.pixels.copy()
    if p.shape_alpha > 0:
        maps, moves = _own_maps(scene, shape)
        cv2.copyTo(warped(pixels, maps), (moves > 0).astype(np.uint8), pixels)
    window = _window(scene, shape, p)
    if not is_empty(window):
        own, mask = pixels[window], inner_mask(p.region, shape.face, window)
        mixed = _mixed(own, shape, p, mask, window)
        pixels[window] = mixed if p.variant == "full" else blended(mixed, own, mask, seam=p.seam)
    return Scene(pixels, shape.box, shape.mesh[:5] if shape.is_found else None)


def morph_mask(scene: Scene, parameters: MorphParameters, partner: Scene) -> Plane:
    """Where `apply_morph` may change the scene: (height, width) float32 in [0, 1].

    The inner face; in full the partner's weight too, wherever its picture reaches; in full and combined also how far
    the scene is warped, 1 from one pixel on.
    """
    p, mask = parameters, np.zeros(scene.size, dtype=np.float32)
    shape = _shape(scene, partner, p)
    window = _window(scene, shape, p)
    mask[window] = inner_mask(p.region, shape.face, window)
    if p.variant == "full":
        mask = _share(mask, _source_maps(shape, mask.shape, (0, 0)), shape, p)
    if p.shape_alpha > 0:
        mask = np.maximum(mask, np.minimum(_own_maps(scene, shape)[1], 1))
    return np.asarray(mask, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class _Shape:
    """The morph's shape and where its parts are in both pictures. A mesh: control points, then the frame.

    Attributes:
        source: The partner.
        from_scene: The similarity from the scene's pixels to the source's.
        mesh: Where it lies in the morph, in the scene's pixels.
        scene_mesh: Where it lies in the scene.
        source_mesh: Where it lies in the source.
        face: From shares of the face box to the morph's pixels.
        box: Of the morph's face.
        is_found: Whether finders gave both faces' points.
    """

    source: Scene
    from_scene: Matrix
    mesh: Points
    scene_mesh: Points
    source_mesh: Points
    face: Matrix
    box: Box
    is_found: bool


def _shape(scene: Scene, partner: Scene, p: MorphParameters) -> _Shape:
    source, to_scene = brought_near(scene, partner)
    own, other, frame = control_points(scene), control_points(source), frame_points(scene)
    slips = np.random.default_rng(p.seed).standard_normal((5, 2)) * p.misplacement * source.face.side
    other[:5] += slips.astype(np.float32)
    share, from_scene = p.shape_alpha, inverse(to_scene)
    mean = (1 - share) * own + share * moved(other, to_scene)
    return _Shape(
        source=source,
        from_scene=from_scene,
        mesh=np.concatenate([mean, frame]).astype(np.float32),
        scene_mesh=np.concatenate([own, frame]),
        source_mesh=np.concatenate([other, moved(frame, from_scene)]),
        face=(1 - share) * face_matrix(scene) + share * chained(face_matrix(source), to_scene),
        box=_mean_box(scene.face, source.face, to_scene, share),
        is_found=scene.landmarks is not None and partner.landmarks is not None,
    )


def _mean_box(own: Box, other: Box, to_scene: Matrix, share: float) -> Box:
    """The upright box between one and the other, the latter moved first."""
    scale = float(np.hypot(to_scene[0, 0], to_scene[1, 0]))
    x, y = (1 - share) * np.array(own.center) + share * moved(np.array([other.center]), to_scene)[0]
    half_width = ((1 - share) * own.width + share * scale * other.width) / 2
    half_height = ((1 - share) * own.height + share * scale * other.height) / 2
    return Box(float(x - half_width), float(y - half_height), float(x + half_width), float(y + half_height))


def _window(scene: Scene, shape: _Shape, p: MorphParameters) -> tuple[slice, slice]:
    """Rows and columns in which the two are mixed."""
    if p.variant == "full":
        return slice(0, scene.size[0]), slice(0, scene.size[1])
    return inner_window(p.region, shape.face, scene.size)


def _own_maps(scene: Scene, shape: _Shape) -> tuple[Maps, Plane]:
    """Where the morph's pixels look in the scene, and how far that is in pixels: 0 where nobody could see it."""
    maps = mesh_maps(shape.mesh, shape.scene_mesh, scene.size, beyond=_STILL)
    still = flat_maps(_STILL, scene.size)
    across, along = maps[0] - still[0], maps[1] - still[1]
    distance = np.sqrt(across * across + along * along)  # OpenCV's magnitude depends on how memory is aligned
    return maps, np.asarray(np.where(distance > _UNSEEN_PX, distance, 0), dtype=np.float32)


def _source_maps(shape: _Shape, size: tuple[int, int], corner: tuple[int, int]) -> Maps:
    """Where the pixels of a window of (height, width) `size`, its corner (x, y) in the scene, look in the source."""
    start = np.array([corner], np.float32)
    beyond = np.c_[shape.from_scene[:, :2], moved(start, shape.from_scene)[0]]
    return mesh_maps(shape.mesh - start, shape.source_mesh, size, beyond=beyond)


def _share(mask: Plane, maps: Maps, shape: _Shape, p: MorphParameters) -> Plane:
    """The partner's weight over alpha. It fades out before its picture's border; in full beyond it, mirrored, so that
    no edge shows.
    """
    depth = depth_inside(maps, shape.source.size) / np.float32(shape.source.face.side)
    if p.variant != "full":
        return np.asarray(np.clip(depth / np.float32(_FADE_INSIDE), 0, 1), dtype=np.float32)
    ghost = np.float32(p.ghost) + np.float32(1 - p.ghost) * mask
    return np.asarray(ghost * np.clip(1 + depth / np.float32(_FADE_OUTSIDE), 0, 1), dtype=np.float32)


def _mixed(
    own: Picture, shape: _Shape, p: MorphParameters, mask: Plane, window: tuple[slice, slice]
) -> Picture:
    """The scene's texture `own` and the partner's, both in the morph's shape.

    The partner's colours are first brought towards the scene's, by what both are where `mask` is.
    """
    maps = _source_maps(shape, mask.shape, (window[1].start, window[0].start))
    other = warped(shape.source.pixels, maps)
    other = recoloured(other, own, mask, transfer="lab", amount=p.transfer_amount)
    weight = _share(mask, maps, shape, p) * np.float32(p.alpha)
    mixed = np.asarray(cv2.blendLinear(other, own, weight, 1 - weight), dtype=np.uint8)
    sigma = p.smooth_px * shape.box.side / 160
    return np.asarray(cv2.GaussianBlur(mixed, (0, 0), sigma), np.uint8) if sigma > 0.2 else mixed
