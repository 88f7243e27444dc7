"""What generative decoders leave in a picture: edges without pores, lattices, quantised latents, texture made of noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.blocks import dct_basis, from_blocks, padded, to_blocks
from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, draw_inner_face, inner_mask, inner_window
from bonaface.attacks.variants import chosen_variant
from bonaface.types import Picture

VARIANTS = ("restored", "upsampling", "autoencoder", "texture")
"""Edges drawn sharp and skin drawn smooth, as face restoration does; twofold upsampling by zero insertion or repetition and a small kernel; blocks through few, quantised latents; fine
structure replaced by noise of the same strength, as a variational decoder does."""

LOST = {"restored": (0.5, 1.0), "upsampling": (0.1, 0.45), "autoencoder": (1.0, 1.0), "texture": (0.5, 1.0)}
"""Shares of the picture's own fine detail that a decoder loses at strength 1; the autoencoder's latents are all it has."""


@dataclass(frozen=True, slots=True)
class GeneratedParameters:
    """One pass through a decoder.

    Attributes:
        seed: Of kernels, latent bases and noise.
        variant: One of `VARIANTS`.
        is_whole: Whether the whole picture is decoded, or the face alone and put back.
        region: The face that is put back.
        ratio: Decoder's pixels for each of the picture's, along a side, in (0, 1]; below 1 its output was enlarged.
        stages: Twofold upsamplings in a row; each halves the resolution before.
        is_transposed: Whether pixels are spread by zero insertion, or repeated.
        imbalance: Deviation of the kernels' gains between the phases of a stage, as a share.
        roughness: Deviation of the kernels' single taps from smooth interpolation, as a share of the largest.
        kept: Share of the picture's own fine detail that comes back after upsampling or restoring, or in a texture.
        block: Side of the blocks, in the decoder's pixels.
        block_x: Offset of their lattice.
        block_y: Offset of their lattice.
        luma_latents: Numbers kept for each block of Y'.
        chroma_latents: The same for each of Cb and Cr.
        mixing: How far the latents' functions are from plain cosines; 0 is the DCT.
        step: Of the latents' quantiser, in steps of uint8 of a block's mean square.
        smooth_px: Gaussian smoothing of the decoded picture, in its pixels; below 0.2 is none.
        cut_px: Gaussian sigma above which structure survives in a texture or as it is in what is restored, in the
            decoder's pixels.
        limit: Amplitude of detail of which a half is lost, in steps of uint8: decoders keep strong edges.
        crispness: By how much a restored edge is steeper than it was.
        texture: Deviation of the new texture over that of the lost one.
        grain_px: Size (blur) of the new texture.
        colour_noise: Share of the texture that differs between the channels, in [0, 1].
    """

    seed: int
    variant: str
    is_whole: bool
    region: InnerFace
    ratio: float
    stages: int
    is_transposed: bool
    imbalance: float
    roughness: float
    kept: float
    block: int
    block_x: int
    block_y: int
    luma_latents: int
    chroma_latents: int
    mixing: float
    step: float
    smooth_px: float
    cut_px: float
    limit: float
    crispness: float
    texture: float
    grain_px: float
    colour_noise: float


def draw_generated(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> GeneratedParameters:
    """Draws a decoder; three in five decode the whole picture, half of all outputs were enlarged.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible the traces are.
        variant: One of `VARIANTS`; None draws one.

    Raises:
        SimulationError: If there is no such variant.
    """
    u = rng.uniform
    chosen = chosen_variant(rng, variant, species="generated", variants=VARIANTS)
    is_enlarged, block = rng.random() < 0.5, int(rng.choice([4, 8]))
    share = float(u(0.22, 0.5)) / max(strength, 0.3) ** 0.7
    return GeneratedParameters(
        seed=int(rng.integers(2**31)),
        variant=chosen,
        is_whole=bool(rng.random() < 0.6),
        region=draw_inner_face(rng, edge=float(u(0.05, 0.2)), size=float(u(1.0, 1.2))),
        ratio=float(u(0.6, 0.95)) if is_enlarged else 1.0,
        stages=int(rng.integers(1, 3)),
        is_transposed=bool(rng.random() < 0.5),
        imbalance=float(u(0.002, 0.008)) * strength,
        roughness=float(u(0.03, 0.15)) * strength,
        kept=max(1 - float(u(*LOST[chosen])) * strength, 0.0),
        block=block,
        block_x=int(rng.integers(block)),
        block_y=int(rng.integers(block)),
        luma_latents=int(np.clip(round(share * block**2), 3, block**2)),
        chroma_latents=int(np.clip(round(0.25 * share * block**2), 1, block**2)),
        mixing=float(u(0.05, 0.25)),
        step=float(u(4, 16)) * strength,
        smooth_px=float(u(0.2, 0.6)) * strength,
        cut_px=float(np.exp(u(np.log(0.7), np.log(2.2)))) * max(strength, 0.3) ** 0.5,
        limit=float(u(10, 24)) * max(strength, 0.3) ** 0.5,
        texture=float(u(0.6, 1.1)),
        grain_px=float(u(0.4, 1.0)),
        colour_noise=float(u(0.0, 0.25)),
        crispness=float(u(0.2, 1.2)) * strength,
    )


def apply_generated(scene: Scene, parameters: GeneratedParameters) -> Scene:
    """The scene, or its face alone, as it comes out of the decoder; what it shows and where stays.

    Raises:
        SimulationError: If the scene's landmarks do not span a face.
    """
    p = parameters
    if p.is_whole:
        return Scene(_decoded(np.ascontiguousarray(scene.pixels), p), scene.face, scene.landmarks)
    pixels = scene.pixels.copy()
    face = face_matrix(scene)
    window = inner_window(p.region, face, scene.size)
    if not is_empty(window):
        mask = inner_mask(p.region, face, window)
        target = np.ascontiguousarray(scene.pixels[window])
        pixels[window] = blended(_decoded(target, p), target, mask, seam="alpha")
    return Scene(pixels, scene.face, scene.landmarks)


def generated_mask(scene: Scene, parameters: GeneratedParameters) -> Plane:
    """Where `apply_generated` may change the scene: (height, width) float32 in [0, 1]."""
    if parameters.is_whole:
        return np.ones(scene.size, dtype=np.float32)
    mask = np.zeros(scene.size, dtype=np.float32)
    face = face_matrix(scene)
    window = inner_window(parameters.region, face, scene.size)
    if not is_empty(window):
        mask[window] = inner_mask(parameters.region, face, window)
    return mask


def _decoded(picture: Picture, p: GeneratedParameters) -> Picture:
    """The picture at the decoder's resolution, through it, and back at its own size."""
    height, width = picture.shape[:2]
    size = (max(round(width * p.ratio), 2), max(round(height * p.ratio), 2))
    source = picture
    if size != (width, height):
        source = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    rng = np.random.default_rng(p.seed)
    decoder = {
        "restored": _restored, "upsampling": _upsampled, "autoencoder": _autoencoded, "texture": _retextured
    }[p.variant]  # fmt: skip
    code = decoder(source, rng, p)
    if size != (width, height):
        code = np.asarray(cv2.resize(code, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(cv2.convertScaleAbs(np.maximum(code, 0)), dtype=np.uint8)


def _restored(source: Picture, rng: np.random.Generator, p: GeneratedParameters) -> npt.NDArray[np.float32]:  # noqa: ARG001 - as every decoder
    """Weak detail gone but for a share, strong edges steeper, and neither brighter nor darker than what was about them."""
    smooth = cv2.bilateralFilter(source, 0, float(2 * p.limit), max(p.cut_px, 0.7)).astype(np.float32)
    soft = cv2.GaussianBlur(smooth, (0, 0), max(p.cut_px, 0.7))
    crisp = smooth + np.float32(2 * p.crispness) * (smooth - soft)
    around = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(smooth, around), cv2.dilate(smooth, around)
    detail = source.astype(np.float32) - smooth
    return np.asarray(np.clip(crisp, low, high) + np.float32(p.kept) * detail, dtype=np.float32)


def _upsampled(source: Picture, rng: np.random.Generator, p: GeneratedParameters) -> npt.NDArray[np.float32]:
    """Down by 2 for each stage and up again through kernels whose phases do not quite agree.

    A period of 2 pixels in each stage's output: peaks at 1/2 of the sampling rate, after two stages at 1/4 too.
    """
    height, width = source.shape[:2]
    factor = 2**p.stages
    small_size = (-(-width // factor), -(-height // factor))
    whole = cv2.copyMakeBorder(
        source, 0, small_size[1] * factor - height, 0, small_size[0] * factor - width, cv2.BORDER_REPLICATE
    )
    small = cv2.resize(whole, small_size, interpolation=cv2.INTER_AREA).astype(np.float32)
    smooth = cv2.resize(small, (whole.shape[1], whole.shape[0]), interpolation=cv2.INTER_CUBIC)
    code = small
    for _ in range(p.stages):
        code = _doubled(code, rng, p)
    code = code + np.float32(p.kept) * (whole - smooth)
    return np.ascontiguousarray(code[:height, :width])


def _doubled(
    code: npt.NDArray[np.float32], rng: np.random.Generator, p: GeneratedParameters
) -> npt.NDArray[np.float32]:
    """One twofold upsampling: pixels spread and filtered by 4 x 4 taps, or repeated and filtered by 3 x 3.

    References: Odena et al. 2016, Deconvolution and Checkerboard Artifacts; Zhang et al. 2019, Detecting and
    Simulating Artifacts in GAN Fake Images.
    """
    height, width = code.shape[:2]
    gains = 1 + p.imbalance * rng.standard_normal((2, 2))
    rough = rng.standard_normal((4, 4))
    if p.is_transposed:
        spread = np.zeros((2 * height, 2 * width, 3), dtype=np.float32)
        spread[::2, ::2] = code
        kernel = np.outer([1, 3, 3, 1], [1, 3, 3, 1]) / 16 * (1 + p.roughness * rough)
        for y in range(2):
            for x in range(2):
                kernel[y::2, x::2] *= gains[y, x] / kernel[y::2, x::2].sum()
        # Mirrored about the last pixel, not doubling it, the zeros go on in step.
        return _filtered(spread, kernel, anchor=(2, 2))
    repeated = cv2.resize(code, (2 * width, 2 * height), interpolation=cv2.INTER_NEAREST)
    kernel = np.outer([1, 2, 1], [1, 2, 1]) / 16 * (1 + p.roughness * rough[:3, :3])
    smooth = _filtered(repeated, kernel / kernel.sum(), anchor=(1, 1))
    tiles = np.tile(gains.astype(np.float32), (height, width))
    return np.asarray(cv2.multiply(smooth, cv2.merge([tiles, tiles, tiles])), dtype=np.float32)


def _filtered(
    code: npt.NDArray[np.float32], kernel: npt.NDArray[np.float64], *, anchor: tuple[int, int]
) -> npt.NDArray[np.float32]:
    return np.asarray(
        cv2.filter2D(code, -1, kernel.astype(np.float32), anchor=anchor, borderType=cv2.BORDER_REFLECT_101),
        dtype=np.float32,
    )


def _autoencoded(
    source: Picture, rng: np.random.Generator, p: GeneratedParameters
) -> npt.NDArray[np.float32]:
    """Each block as a few quantised latents, decoded without overlap and smoothed a little."""
    offset = (p.block_y % p.block, p.block_x % p.block)
    decoded = []
    for number, plane in enumerate(cv2.split(cv2.cvtColor(source, cv2.COLOR_RGB2YCrCb))):
        basis = _latent_basis(rng, p.block, p.chroma_latents if number else p.luma_latents, p.mixing)
        whole = padded(plane.astype(np.float32), p.block, offset=offset) - np.float32(128)
        latents = times(to_blocks(whole, p.block), basis, is_transposed=True)
        step = np.float32(max(p.step, 1e-3))
        latents = np.rint(latents / step) * step
        code = from_blocks(times(latents, basis), p.block, *whole.shape) + np.float32(128)
        if p.smooth_px >= 0.2:
            code = np.asarray(cv2.GaussianBlur(code, (0, 0), p.smooth_px), np.float32)
        decoded.append(code[offset[0] :, offset[1] :][: plane.shape[0], : plane.shape[1]])
    codes = cv2.merge([np.clip(code, 0, 255) * np.float32(1 / 255) for code in decoded])
    return np.asarray(cv2.cvtColor(codes, cv2.COLOR_YCrCb2RGB) * np.float32(255), dtype=np.float32)


def _latent_basis(rng: np.random.Generator, block: int, num_latents: int, mixing: float) -> Plane:
    """(latents, block^2), orthonormal: slow cosines with a share of all others, as a trained linear coder ends up."""
    cosines = dct_basis(block).astype(np.float64)
    noise = rng.standard_normal((num_latents, block**2)) * (mixing / block)
    noise[:, 0] = noise[0] = 0  # the mean has a latent of its own
    mixed = cosines[:num_latents] + noise @ cosines
    return np.ascontiguousarray(np.linalg.qr(mixed.T)[0].T, dtype=np.float32)


def _retextured(source: Picture, rng: np.random.Generator, p: GeneratedParameters) -> npt.NDArray[np.float32]:
    """Structure finer than the cut, gone but for a share, and noise of the same local strength and scale instead."""
    height, width = source.shape[:2]
    code = source.astype(np.float32)
    low = cv2.GaussianBlur(code, (0, 0), p.cut_px)
    detail = code - low
    lost = detail * (np.float32(1 - p.kept) / (1 + (detail * np.float32(1 / p.limit)) ** 2))
    luma = cv2.transform(lost, np.array([[0.299, 0.587, 0.114]], np.float32))
    strength = np.sqrt(cv2.GaussianBlur(luma * luma, (0, 0), 2 * p.cut_px + 1))
    noise = _fine_noise(rng, height, width, p)
    planes = [noise] * 3
    if p.colour_noise > 0:
        shared, own = np.float32(np.sqrt(1 - p.colour_noise)), np.float32(np.sqrt(p.colour_noise))
        shifts = ((height // 3, width // 2), (height // 2, width // 3), (height // 5, width // 7))
        planes = [shared * noise + own * np.roll(noise, shift, axis=(0, 1)) for shift in shifts]
    strength *= np.float32(p.texture)
    return np.asarray(code - lost + cv2.merge([plane * strength for plane in planes]), dtype=np.float32)


def _fine_noise(rng: np.random.Generator, height: int, width: int, p: GeneratedParameters) -> Plane:
    """Noise without what is slower than the cut, of about unit deviation."""
    noise = fields.grain(rng, height, width, sigma_px=p.grain_px)
    noise -= cv2.GaussianBlur(noise, (0, 0), p.cut_px)
    return np.asarray(noise * np.float32(1 / max(float(noise.std()), 1e-3)), dtype=np.float32)
