"""What phones, scanners, sites and hands do to a picture after it was taken, whatever its class.

A print has less contrast than a face, a screen another white. A detector that learns from simulations alone takes flat
or tinted for attacked, and turns away whoever stands in fog, before a window or under a red lamp. So tone and colour are
drawn anew after the attack and the camera: what is left to learn from is what stands in the detail.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from bonaface.attacks.light import saturation_matrix
from bonaface.data.denoising import denoised
from bonaface.data.filters import filtered
from bonaface.types import Picture

if TYPE_CHECKING:
    from bonaface.data.augmentation import Augmentation

LOUDEST = 9.0
"""Standard deviation of the loudest noise, in steps of 0..255: a small sensor's in a dim room."""


def after_camera(pixels: Picture, rng: np.random.Generator, how: Augmentation) -> Picture:
    """The picture with all that may be drawn anew after attack and camera: by chance denoised, developed, filtered, noisy.

    Args:
        pixels: (height, width, 3) uint8 RGB; it stays as it is.
        rng: Every draw comes from it.
        how: The chances.
    """
    if how.denoising and rng.random() < how.denoising:
        pixels = denoised(pixels, rng)
    if rng.random() < how.development:
        pixels = developed(pixels, rng)
    if how.filters and rng.random() < how.filters:
        pixels = filtered(pixels, rng)
    if how.noise and rng.random() < how.noise:
        pixels = in_dim_light(pixels, rng)
    return pixels


def up_to_camera(how: Augmentation) -> Augmentation:
    """The chances without those of `after_camera`: of what is kept, to be changed anew whenever it is shown."""
    return replace(how, development=0.0, denoising=0.0, filters=0.0, noise=0.0)


def in_dim_light(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture with a sensor's noise, as it is or smeared by what the camera makes of it.

    A print has the grain of its paper and a screen its pixels. A detector that has met noise with attacks alone turns
    away whoever stands in a dim room.

    Args:
        pixels: (height, width, 3) uint8 RGB; it stays as it is.
        rng: Every draw comes from it.
    """
    deviation, colour = np.exp(rng.uniform(0, np.log(LOUDEST))), rng.uniform(0, 1)
    is_smeared, reach = rng.random() < 0.5, rng.uniform(0.4, 1.2)
    in_shadows = rng.uniform(0, 0.6)
    noise = colour * rng.standard_normal(pixels.shape, np.float32)
    noise += (1 - colour) * rng.standard_normal((*pixels.shape[:2], 1), np.float32)
    if is_smeared:
        noise = cv2.GaussianBlur(noise, (0, 0), reach)
    noise *= deviation / noise.std()
    light = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)[..., None] / 255
    noisy = pixels + noise * (1 + in_shadows - 2 * in_shadows * light)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)


def developed(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture with another tone and colour, sometimes another local contrast, smoothness or sharpness.

    Args:
        pixels: (height, width, 3) uint8 RGB; it stays as it is.
        rng: Every draw comes from it.
    """
    levels, local, smooth, sharp, vivid, noisy = rng.random(6) < (0.3, 0.15, 0.1, 0.25, 0.25, 0.15)
    seeds = rng.integers(2**32, size=2)
    if smooth:
        pixels = _smoothed(pixels, rng)
    if local:
        pixels = _with_local_contrast(pixels, rng)
    pixels = _toned(pixels, np.random.default_rng(seeds[0]))
    if levels:
        pixels = _levelled(pixels, is_by_channel=bool(rng.random() < 0.5), share=rng.uniform(0.0, 0.02))
    if sharp or vivid:
        pixels = _crisper(
            pixels, rng, light=sharp * rng.uniform(0.2, 2.5), colour=vivid * rng.uniform(0.5, 4.0)
        )
    if noisy:
        pixels = _noisier(pixels, rng)
    return pixels


def _toned(pixels: Picture, rng: np.random.Generator) -> Picture:
    """Another contrast, gamma, black, white of each channel, and saturation; each unchanged in a third of the draws."""
    has = rng.random(5) < 0.67
    contrast = np.exp(rng.uniform(-0.7, 0.4)) if has[0] else 1.0
    pivot = rng.uniform(0.35, 0.65)
    gamma = np.exp(rng.uniform(-0.45, 0.45)) if has[1] else 1.0
    black = rng.uniform(0, 0.2) * rng.random() if has[2] else 0.0
    whites = np.exp(rng.normal(0, 0.1, 3)) if has[3] else np.ones(3)
    curve = ((np.arange(256) / 255) ** gamma - pivot) * contrast + pivot
    curves = 255 * np.clip(black + (1 - black) * np.clip(curve[:, None] * whites, 0, 1), 0, 1)
    pixels = np.asarray(cv2.LUT(pixels, np.rint(curves).astype(np.uint8)[:, None]), np.uint8)
    if has[4]:
        saturation = float(np.exp(rng.uniform(-0.9, 0.5)))
        pixels = np.asarray(cv2.transform(pixels, saturation_matrix(saturation).astype(np.float32)), np.uint8)
    return pixels


def _levelled(pixels: Picture, *, is_by_channel: bool, share: float) -> Picture:
    """The picture stretched so that all but a share of its values at each end fill the range."""
    flat = pixels.reshape(-1, 3)
    low, high = np.quantile(flat if is_by_channel else flat.mean(axis=1), (share, 1 - share), axis=0)
    curves = 255 * (np.arange(256)[:, None] - low) / np.maximum(high - low, 32)
    curves = np.broadcast_to(curves, (256, 3))
    return np.asarray(cv2.LUT(pixels, np.rint(np.clip(curves, 0, 255)).astype(np.uint8)[:, None]), np.uint8)


def _with_local_contrast(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture with its luminance equalised tile by tile, more or less: phones' tone mapping."""
    lab = cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)
    tiles = int(rng.integers(2, 5))
    equalised = cv2.createCLAHE(clipLimit=rng.uniform(1.0, 3.0), tileGridSize=(tiles, tiles)).apply(
        lab[..., 0]
    )
    share = rng.uniform(0.3, 1.0)
    lab[..., 0] = cv2.addWeighted(equalised, share, lab[..., 0], 1 - share, 0)
    return np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8)


def _crisper(pixels: Picture, rng: np.random.Generator, *, light: float, colour: float) -> Picture:
    """The picture with more of its finest detail, in light and in colour apart.

    What was taken large and made small is crisp in both. The colours of what was stored at the size it is shown in are
    soft, and so they would be in every picture of a collection that was stored alike.
    """
    planes = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    soft = cv2.GaussianBlur(planes, (0, 0), rng.uniform(0.5, 1.0))
    crisp = planes + (planes - soft) * np.array([light, colour, colour], np.float32)
    return np.asarray(
        cv2.cvtColor(np.clip(np.rint(crisp), 0, 255).astype(np.uint8), cv2.COLOR_YCrCb2RGB), np.uint8
    )


def _noisier(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture with noise of its own in every pixel, more or less of it in the colours."""
    deviation, colour = np.exp(rng.uniform(np.log(0.5), np.log(7))), rng.uniform(0, 1)
    noise = rng.standard_normal(pixels.shape, np.float32)
    shared = rng.standard_normal((*pixels.shape[:2], 1), np.float32)
    noise = deviation * (colour * noise + (1 - colour) * shared)
    return np.asarray(np.clip(np.rint(pixels + noise), 0, 255), np.uint8)


def _smoothed(pixels: Picture, rng: np.random.Generator) -> Picture:
    """The picture without its noise and pores, edges kept: what cameras and their beauty modes do."""
    return np.asarray(cv2.bilateralFilter(pixels, 5, rng.uniform(8, 30), rng.uniform(1, 3)), np.uint8)
