"""Decoders by the name of a variant: (picture, generator, parameters) -> what comes out, float32, beyond 0 to 255 where it is so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.blocks import dct_basis, from_blocks, padded, to_blocks
from bonaface.attacks.codebook import in_words
from bonaface.attacks.diffused import diffused
from bonaface.attacks.light import as_rgb
from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane
from bonaface.types import Picture

if TYPE_CHECKING:
    from bonaface.attacks.generated import GeneratedParameters

Decoder = Callable[[Picture, np.random.Generator, "GeneratedParameters"], npt.NDArray[np.float32]]


def _diffused(source: Picture, rng: np.random.Generator, p: GeneratedParameters) -> npt.NDArray[np.float32]:
    code = diffused(source, rng, passes=p.passes, noise=p.noise, colour_noise=p.colour_noise)
    return _with_some_kept(code, source, p)


def _in_words(source: Picture, rng: np.random.Generator, p: GeneratedParameters) -> npt.NDArray[np.float32]:
    code = in_words(source, rng, side=p.patch, words=p.words, atoms=p.atoms)
    return _with_some_kept(code, source, p)


def _with_some_kept(
    code: npt.NDArray[np.float32], source: Picture, p: GeneratedParameters
) -> npt.NDArray[np.float32]:
    return np.asarray(code + np.float32(p.kept) * (source.astype(np.float32) - code), dtype=np.float32)


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
    return as_rgb(decoded)


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


DECODERS: Mapping[str, Decoder] = {
    "diffused": _diffused,
    "codebook": _in_words,
    "restored": _restored,
    "upsampling": _upsampled,
    "autoencoder": _autoencoded,
    "texture": _retextured,
}
