"""A self-blended face swap: the inner face is put back after what a swapping pipeline does to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.complexion import as_grey_as
from bonaface.attacks.light import YCBCR
from bonaface.attacks.scene import Plane, Scene, ellipse_mask
from bonaface.attacks.seam import alpha, pyramid
from bonaface.attacks.variants import check_variant
from bonaface.types import Picture

Blend = Literal["alpha", "membrane", "pyramid"]


@dataclass(frozen=True, slots=True)
class FaceswapParameters:
    """One swapped face.

    Attributes:
        seed: Of the mask's and the face's deformation.
        face_px: Side of the face inside the swapping network, in pixels; at most 0.8 of the side in the picture.
        scale: Magnification of the swapped face.
        rotation_deg: Its turn, clockwise.
        shift_x: Its shift, as a share of the face's side.
        shift_y: Its shift, as a share of the face's side.
        elastic: Deviation of its smooth deformation, as a share of the face's side.
        luma_gain: Contrast of Y' against the original.
        luma_shift: Offset of Y', in steps of uint8.
        cb_shift: Offset of Cb, in steps of uint8.
        cr_shift: Offset of Cr, in steps of uint8.
        chroma_gain: Contrast of Cb and Cr.
        smooth_px: Gaussian smoothing of the face inside the network, in its pixels; 0 is none.
        sharpen: Unsharp amount after enlarging; 0 is none.
        jpeg_quality: Of an inner JPEG round on the small face; 0 is none.
        mask_width: The mask's half width over the face's side.
        mask_height: The mask's half height over the face's side.
        mask_y: Its centre below the box's centre, as a share of the side.
        mask_elastic: Deviation of the mask's deformation, as a share of the side.
        mask_edge: Width of the mask's soft edge, as a share of the side.
        opacity: Weight of the swapped face at the mask's middle, in (0, 1].
        blend: alpha mixes; membrane first removes the colour step at the seam, as Poisson blending does; pyramid
            mixes each scale over its own width.
    """

    seed: int
    face_px: float
    scale: float
    rotation_deg: float
    shift_x: float
    shift_y: float
    elastic: float
    luma_gain: float
    luma_shift: float
    cb_shift: float
    cr_shift: float
    chroma_gain: float
    smooth_px: float
    sharpen: float
    jpeg_quality: int
    mask_width: float
    mask_height: float
    mask_y: float
    mask_elastic: float
    mask_edge: float
    opacity: float
    blend: Blend


VARIANTS: tuple[Blend, ...] = ("alpha", "membrane", "pyramid")
"""The three ways to blend."""


def draw_faceswap(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> FaceswapParameters:
    """Draws a swap: face sides of 32 to 96 px, misfits of colour and shape, one of three blends.

    Swapping networks work on aligned pictures of 64 to 160 px, of which the box from brows to chin takes about 0.6.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible the traces are.
        variant: One of `VARIANTS`; drawn when None.

    Raises:
        SimulationError: If there is no such variant.
    """
    check_variant(variant, species="faceswap", variants=VARIANTS)
    u, normal = rng.uniform, rng.normal
    finish = rng.random()
    return FaceswapParameters(
        seed=int(rng.integers(2**31)),
        face_px=float(u(32, 96)) / max(strength, 0.25) ** 0.5,
        scale=1 + float(normal(0, 0.018)) * strength,
        rotation_deg=float(normal(0, 1.3)) * strength,
        shift_x=float(normal(0, 0.012)) * strength,
        shift_y=float(normal(0, 0.012)) * strength,
        elastic=float(u(0, 0.009)) * strength,
        luma_gain=float(np.exp(normal(0, 0.09) * strength)),
        luma_shift=float(normal(0, 7.0)) * strength,
        cb_shift=float(normal(0, 3.8)) * strength,
        cr_shift=float(normal(0, 3.3)) * strength,
        chroma_gain=float(np.exp(normal(0, 0.1) * strength)),
        smooth_px=float(u(0.2, 0.6)) * strength if finish < 0.4 else 0.0,
        sharpen=float(u(0.2, 0.8)) * strength if finish > 0.65 else 0.0,
        jpeg_quality=int(rng.integers(45, 93)) if rng.random() < 0.35 else 0,
        mask_width=float(u(0.34, 0.48)),
        mask_height=float(u(0.42, 0.6)),
        mask_y=float(u(-0.08, 0.06)),
        mask_elastic=float(u(0, 0.04)),
        mask_edge=float(np.exp(u(np.log(0.03), np.log(0.25)))),
        opacity=1.0 if rng.random() < 0.7 else float(u(0.75, 1.0)),
        blend=_blend(VARIANTS[int(rng.choice(3, p=[0.5, 0.3, 0.2]))], variant),
    )


def _blend(drawn: Blend, wanted: str | None) -> Blend:
    return next((blend for blend in VARIANTS if blend == wanted), drawn)


def apply_faceswap(scene: Scene, parameters: FaceswapParameters) -> Scene:
    """The scene with its inner face swapped for a resynthesised one; pixels outside the mask stay as they are."""
    p = parameters
    rows, columns = _window(scene)
    pixels = scene.pixels.copy()
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return Scene(pixels, scene.face)
    target = np.ascontiguousarray(scene.pixels[rows, columns])
    face = scene.face.shifted(-columns.start, -rows.start)
    center, side = face.center, face.side
    rng = np.random.default_rng(p.seed)
    mask = _mask(rng, (target.shape[0], target.shape[1]), center, side, p)
    made = _recoloured(_resynthesised(_misfitted(rng, target, center, side, p), side, p), p)
    source = as_grey_as(target, made)
    mixed = _BLENDS[p.blend](source, target, mask * np.float32(p.opacity))
    pixels[rows, columns] = np.where(mask[..., None] > 0, mixed, target)
    return Scene(pixels, scene.face)


def faceswap_mask(scene: Scene, parameters: FaceswapParameters) -> Plane:
    """Where `apply_faceswap` may change the scene: (height, width) float32 in [0, 1], opacity not counted."""
    mask = np.zeros(scene.size, dtype=np.float32)
    rows, columns = _window(scene)
    if rows.start < rows.stop and columns.start < columns.stop:
        face = scene.face.shifted(-columns.start, -rows.start)
        rng = np.random.default_rng(parameters.seed)
        mask[rows, columns] = _mask(
            rng, (rows.stop - rows.start, columns.stop - columns.start), face.center, face.side, parameters
        )
    return mask


def _window(scene: Scene) -> tuple[slice, slice]:
    """The part of the picture that the mask can reach: rows and columns."""
    height, width = scene.size
    (x, y), reach = scene.face.center, 0.8 * scene.face.side
    top, bottom = max(int(y - reach), 0), min(int(y + reach) + 1, height)
    left, right = max(int(x - reach), 0), min(int(x + reach) + 1, width)
    return slice(top, bottom), slice(left, right)


def _mask(
    rng: np.random.Generator,
    size: tuple[int, int],
    center: tuple[float, float],
    side: float,
    p: FaceswapParameters,
) -> Plane:
    """The deformed ellipse, soft inwards, exactly 0 outside and on the window's border."""
    height, width = size
    mask = ellipse_mask(
        height,
        width,
        center=(center[0], center[1] + p.mask_y * side),
        half_axes=(p.mask_width * side, p.mask_height * side),
        edge_px=max(p.mask_edge * side, 1.0),
    )
    dx, dy = fields.displacement(rng, height, width, points=5, sigma_px=p.mask_elastic * side)
    dx, dy = fields.moved_grid(dx, dy)
    mask = cv2.remap(mask, dx, dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(mask * mask * (3 - 2 * mask), dtype=np.float32)


def _misfitted(
    rng: np.random.Generator, target: Picture, center: tuple[float, float], side: float, p: FaceswapParameters
) -> Picture:
    """The face slightly moved, turned, scaled and deformed."""
    height, width = target.shape[:2]
    dx, dy = fields.displacement(rng, height, width, points=6, sigma_px=p.elastic * side)
    angle = np.deg2rad(p.rotation_deg)
    cos, sin = np.float32(np.cos(angle) / p.scale), np.float32(np.sin(angle) / p.scale)
    x = np.arange(width, dtype=np.float32)[None, :] - np.float32(center[0] + p.shift_x * side)
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32(center[1] + p.shift_y * side)
    dx += x * cos + y * sin + np.float32(center[0])
    dy += y * cos - x * sin + np.float32(center[1])
    return np.asarray(
        cv2.remap(target, dx, dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), dtype=np.uint8
    )


def _resynthesised(source: Picture, side: float, p: FaceswapParameters) -> Picture:
    """Down to the network's resolution, through its smoothing and storage, and back up."""
    height, width = source.shape[:2]
    ratio = min(p.face_px / side, 0.8)
    small_size = (max(round(width * ratio), 2), max(round(height * ratio), 2))
    small = cv2.resize(source, small_size, interpolation=cv2.INTER_AREA)
    if p.smooth_px >= 0.2:
        small = cv2.GaussianBlur(small, (0, 0), p.smooth_px)
    if p.jpeg_quality > 0:
        options = [cv2.IMWRITE_JPEG_QUALITY, p.jpeg_quality]
        stored = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)[1]
        small = cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    if p.sharpen > 0:
        soft = cv2.GaussianBlur(large, (0, 0), 1.5 / ratio**0.5)
        large = cv2.addWeighted(large, 1 + p.sharpen, soft, -p.sharpen, 0)
    return np.asarray(large, dtype=np.uint8)


def _recoloured(source: Picture, p: FaceswapParameters) -> Picture:
    """A colour transfer that misses a little: gains about the face's own mean and offsets, in Y'CbCr."""
    mean = np.asarray(cv2.mean(source)[:3])
    gains = np.diag([p.luma_gain, p.chroma_gain, p.chroma_gain])
    matrix = np.linalg.inv(YCBCR) @ gains @ YCBCR
    offset = mean - matrix @ mean + np.linalg.inv(YCBCR) @ np.array([p.luma_shift, p.cb_shift, p.cr_shift])
    return np.asarray(cv2.transform(source, np.c_[matrix, offset].astype(np.float32)), dtype=np.uint8)


def _membrane(source: Picture, target: Picture, mask: Plane) -> Picture:
    """Alpha blending after the step at the seam was spread inwards, a fast stand-in for Poisson blending.

    The difference known outside the mask is carried inside by a normalised convolution.
    """
    size = (max(mask.shape[1] // 8, 1), max(mask.shape[0] // 8, 1))
    outside = cv2.merge([1 - np.minimum(mask, 1)] * 3)
    step = (target.astype(np.float32) - source.astype(np.float32)) * outside
    sigma = 0.12 * max(size)
    step = cv2.GaussianBlur(cv2.resize(step, size, interpolation=cv2.INTER_AREA), (0, 0), sigma)
    known = cv2.GaussianBlur(cv2.resize(outside, size, interpolation=cv2.INTER_AREA), (0, 0), sigma)
    spread = (step / np.maximum(known, 1e-3)).reshape(size[1], size[0], 3)
    spread = cv2.resize(spread, (mask.shape[1], mask.shape[0]), interpolation=cv2.INTER_LINEAR)
    levelled = np.asarray(cv2.convertScaleAbs(np.maximum(source + spread, 0)), dtype=np.uint8)
    return alpha(levelled, target, mask)


_BLENDS = {"alpha": alpha, "membrane": _membrane, "pyramid": pyramid}
