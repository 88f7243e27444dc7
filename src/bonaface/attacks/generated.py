"""What generative decoders leave in a picture: edges without pores, lattices, quantised latents, texture made of noise."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.attacks.complexion import as_grey_as
from bonaface.attacks.decoders import DECODERS
from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, draw_inner_face, inner_mask, inner_window
from bonaface.attacks.variants import chosen_variant
from bonaface.types import Picture

VARIANTS = ("diffused", "codebook", "restored", "upsampling", "autoencoder", "texture")
"""Noise put in and taken out again, time after time; patches that are sums of a few words of a small book; edges drawn sharp and skin drawn smooth, as face restoration does; twofold upsampling by zero insertion or repetition and a small kernel; blocks through few, quantised latents; fine
structure replaced by noise of the same strength, as a variational decoder does."""

LOST = {
    "diffused": (0.6, 1.0),
    "codebook": (0.5, 0.9),
    "restored": (0.5, 1.0),
    "upsampling": (0.1, 0.45),
    "autoencoder": (1.0, 1.0),
    "texture": (0.5, 1.0),
}
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
        passes: How often noise is put in and taken out.
        noise: Deviation of the first of it, in steps of uint8; each one after is weaker.
        patch: Side of the patches that are made of words, in the decoder's pixels.
        words: How many words the book has.
        atoms: How many of them a patch is the sum of.
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
    passes: int
    noise: float
    patch: int
    words: int
    atoms: int


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
    seed = int(rng.integers(2**31))
    # the younger decoders draw apart: whatever is drawn after this attack is what it was before there were these
    apart = np.random.default_rng([seed, 1])
    return GeneratedParameters(
        seed=seed,
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
        passes=int(apart.integers(2, 6)),
        noise=float(np.exp(apart.uniform(np.log(3), np.log(10)))) * strength,
        patch=int(apart.choice([4, 6])),
        words=int(apart.choice([32, 64, 128])),
        atoms=int(apart.integers(1, 4)),
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
    code = DECODERS[p.variant](source, rng, p)
    if size != (width, height):
        code = np.asarray(cv2.resize(code, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return as_grey_as(picture, np.asarray(cv2.convertScaleAbs(np.maximum(code, 0)), dtype=np.uint8))
