"""The camera and the storage behind it. It runs over every class alike, so that only the attack differs."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.complexion import as_grey
from bonaface.attacks.light import to_picture
from bonaface.attacks.mosaic import PATTERNS, demosaicked, mosaicked
from bonaface.attacks.scene import Scene
from bonaface.attacks.view import View, look, moved_box, source_maps
from bonaface.types import Picture


@dataclass(frozen=True, slots=True)
class CaptureParameters:
    """One camera, one moment, one file.

    Attributes:
        seed: Of the sensor's noise.
        turn_deg: Turn of the hand-held camera, clockwise; 0 resamples nothing.
        zoom: Magnification beyond what fills the frame after that turn; 1 is none.
        exposure: Factor on code values.
        gamma: Exponent on code values; above 1 darkens middle tones.
        white_balance: Factors on code values (R, G, B).
        saturation: Factor on the distance from grey.
        defocus_px: Gaussian sigma in pixels; 0 is none.
        motion_px: Length of the motion blur in pixels; below 1 is none.
        motion_deg: Its direction.
        resolution: Factor of downscaling before enlarging again; 1 is none.
        is_area: Whether downscaling averages areas, or samples bilinearly and so aliases.
        read_noise: Deviation of the noise that every pixel has, in code values of [0, 1].
        shot_noise: Deviation at white of the noise that grows with the root of the signal, likewise.
        colour_noise: Share of the noise that differs between the channels, in [0, 1].
        noise_px: Size (blur) of the noise, in pixels.
        sharpen: Unsharp amount of the camera; 0 is none.
        sharpen_px: Its radius (Gaussian sigma), in pixels.
        jpeg_qualities: One entry for each JPEG round, in 1 to 100; empty is none.
        is_chroma_halved: Whether JPEG stores colour at half resolution (4:2:0), or in full (4:4:4).
        second_resolution: Factor of downscaling between two JPEG rounds, as messengers do; 1 is none.
        haze: Code value that black is lifted to, in [0, 1): fog, a dirty lens, a faded file; white stays.
        grain: Deviation of film grain at middle grey, in code values of [0, 1], alike in all channels.
        grain_px: Size (blur) of the grain, in pixels.
        pattern: Of the sensor's colour filters, one of `mosaic.PATTERNS`; empty measures all colours in every pixel.
            Behind filters, noise is white and falls on what was measured; `colour_noise` and `noise_px` say nothing.
        is_edge_aware: Whether missing colours are taken along edges, or linearly.
    """

    seed: int
    turn_deg: float
    zoom: float
    exposure: float
    gamma: float
    white_balance: tuple[float, float, float]
    saturation: float
    defocus_px: float
    motion_px: float
    motion_deg: float
    resolution: float
    is_area: bool
    read_noise: float
    shot_noise: float
    colour_noise: float
    noise_px: float
    sharpen: float
    sharpen_px: float
    jpeg_qualities: tuple[int, ...]
    is_chroma_halved: bool
    second_resolution: float
    haze: float = 0.0
    grain: float = 0.0
    grain_px: float = 1.0
    pattern: str = ""
    is_edge_aware: bool = False


def draw_capture(rng: np.random.Generator, *, strength: float = 1.0) -> CaptureParameters:
    """Draws a capture, from one in about ten that leaves the picture as it is to a noisy, soft, twice stored one.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how far the camera is from perfect.
    """
    u, normal = rng.uniform, rng.normal
    if rng.random() < 0.1:
        return CLEAN
    has = rng.random(12)
    warm = float(normal(0, 0.04)) * strength
    rounds = 0 if has[7] < 0.12 else 2 if has[7] > 0.75 else 1
    is_turned = has[0] < 0.5
    return CaptureParameters(
        seed=int(rng.integers(2**31)),
        turn_deg=float(normal(0, 1.5)) * strength if is_turned else 0.0,
        zoom=float(u(1.0, 1.05)) if is_turned else 1.0,
        exposure=float(np.exp(normal(0, 0.25) * strength)) if has[1] < 0.6 else 1.0,
        gamma=float(np.exp(normal(0, 0.2) * strength)) if has[1] < 0.6 else 1.0,
        white_balance=(1 + warm, 1 + float(normal(0, 0.015)) * strength, 1 - warm)
        if has[2] < 0.6
        else (1.0, 1.0, 1.0),
        saturation=float(np.exp(normal(0, 0.15) * strength)) if has[2] < 0.6 else 1.0,
        defocus_px=float(u(0.3, 1.4)) * strength if has[3] < 0.4 else 0.0,
        motion_px=float(u(1.5, 5.0)) * strength if has[4] < 0.12 else 0.0,
        motion_deg=float(u(0, 180)),
        resolution=1 - strength * float(u(0.1, 0.55)) if has[5] < 0.4 else 1.0,
        is_area=bool(rng.random() < 0.6),
        read_noise=float(np.exp(u(np.log(0.001), np.log(0.02)))) * strength if has[6] < 0.7 else 0.0,
        shot_noise=float(np.exp(u(np.log(0.002), np.log(0.035)))) * strength if has[6] < 0.7 else 0.0,
        colour_noise=float(u(0.0, 0.8)),
        noise_px=float(u(0.0, 0.9)),
        sharpen=float(u(0.15, 1.6)) * strength if has[8] < 0.45 else 0.0,
        sharpen_px=float(u(0.6, 2.2)),
        jpeg_qualities=tuple(int(v) for v in rng.integers(30, 99, rounds)),
        is_chroma_halved=bool(rng.random() < 0.7),
        second_resolution=float(u(0.6, 0.95)) if rounds == 2 and rng.random() < 0.4 else 1.0,
        haze=float(u(0.02, 0.12)) * strength if has[9] < 0.2 else 0.0,
        grain=float(np.exp(u(np.log(0.008), np.log(0.05)))) * strength if has[10] < 0.2 else 0.0,
        grain_px=float(u(0.4, 1.4)),
        pattern=str(rng.choice(PATTERNS)) if has[11] < 0.6 * strength else "",
        is_edge_aware=bool(rng.random() < 0.5),
    )


CLEAN = CaptureParameters(
    seed=0,
    turn_deg=0.0,
    zoom=1.0,
    exposure=1.0,
    gamma=1.0,
    white_balance=(1.0, 1.0, 1.0),
    saturation=1.0,
    defocus_px=0.0,
    motion_px=0.0,
    motion_deg=0.0,
    resolution=1.0,
    is_area=True,
    read_noise=0.0,
    shot_noise=0.0,
    colour_noise=0.0,
    noise_px=0.0,
    sharpen=0.0,
    sharpen_px=1.0,
    jpeg_qualities=(),
    is_chroma_halved=False,
    second_resolution=1.0,
)
"""The capture that changes nothing."""


def apply_capture(scene: Scene, parameters: CaptureParameters) -> Scene:
    """The scene as a camera would have taken and stored it: framing, light, lens, sensor, sharpening, file."""
    p = parameters
    height, width = scene.size
    pixels, face = scene.pixels, scene.face
    if p.turn_deg or p.zoom != 1:
        view = View(rotation_deg=p.turn_deg, zoom=p.zoom)
        pixels, face = look(pixels, source_maps(view, height, width)), moved_box(view, face, height, width)
    pixels = _developed(pixels, p)
    pixels = _blurred(pixels, p)
    pixels = _coarser(pixels, p.resolution, is_area=p.is_area)
    pixels = _sensed(pixels, p)
    if p.grain > 0:
        pixels = _grainy(pixels, p)
    if p.sharpen > 0:
        soft = cv2.GaussianBlur(pixels, (0, 0), p.sharpen_px)
        pixels = np.asarray(cv2.addWeighted(pixels, 1 + p.sharpen, soft, -p.sharpen, 0), dtype=np.uint8)
    for index, quality in enumerate(p.jpeg_qualities):
        if index > 0:
            pixels = _coarser(pixels, p.second_resolution, is_area=True)
        pixels = _stored(pixels, quality, is_chroma_halved=p.is_chroma_halved)
    return Scene(pixels.copy() if pixels is scene.pixels else pixels, face)


def _developed(pixels: Picture, p: CaptureParameters) -> Picture:
    """Exposure, gamma, white balance, what clips of these, haze over it, and saturation."""
    if p.exposure != 1 or p.gamma != 1 or p.white_balance != (1.0, 1.0, 1.0) or p.haze > 0:
        curve = (np.arange(256) / 255) ** p.gamma * p.exposure
        clear = np.clip(curve[:, None] * np.asarray(p.white_balance), 0, 1)
        curves = np.rint(255 * (p.haze + (1 - p.haze) * clear)).astype(np.uint8)
        pixels = np.asarray(cv2.LUT(pixels, np.ascontiguousarray(curves[:, None, :])), dtype=np.uint8)
    if p.saturation != 1:
        grey = as_grey(pixels)
        pixels = np.asarray(cv2.addWeighted(pixels, p.saturation, grey, 1 - p.saturation, 0), dtype=np.uint8)
    return pixels


def _blurred(pixels: Picture, p: CaptureParameters) -> Picture:
    """Defocus and a straight motion."""
    if p.defocus_px >= 0.2:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), p.defocus_px), dtype=np.uint8)
    if p.motion_px >= 1:
        reach = int(np.ceil(p.motion_px / 2)) + 1
        kernel = np.zeros((2 * reach + 1, 2 * reach + 1), dtype=np.float32)
        angle = np.deg2rad(p.motion_deg)
        for t in np.linspace(-0.5, 0.5, 8 * reach):
            x = reach + t * (p.motion_px - 1) * np.cos(angle)
            y = reach + t * (p.motion_px - 1) * np.sin(angle)
            column, row = int(x), int(y)
            fx, fy = x - column, y - row
            kernel[row : row + 2, column : column + 2] += np.outer([1 - fy, fy], [1 - fx, fx]).astype(
                np.float32
            )
        pixels = np.asarray(cv2.filter2D(pixels, -1, kernel / kernel.sum()), dtype=np.uint8)
    return pixels


def _coarser(pixels: Picture, factor: float, *, is_area: bool) -> Picture:
    """Downscaled by `factor` and enlarged to its old size."""
    if factor >= 1:
        return pixels
    height, width = pixels.shape[:2]
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if is_area else cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def _sensed(pixels: Picture, p: CaptureParameters) -> Picture:
    """What the sensor makes of the light: noise, and the colours between its filters guessed from neighbours."""
    is_noisy = p.read_noise > 0 or p.shot_noise > 0
    if not p.pattern:
        return _noisy(pixels, p) if is_noisy else pixels
    raw = np.asarray(mosaicked(pixels, p.pattern), dtype=np.uint8)
    if is_noisy:
        noise = fields.grain(np.random.default_rng(p.seed), *raw.shape)
        noise *= cv2.LUT(raw, _deviation(p))
        raw = np.asarray(cv2.addWeighted(raw, 1, noise, 255, 0, dtype=cv2.CV_8U), dtype=np.uint8)
    return np.asarray(demosaicked(raw, p.pattern, is_edge_aware=p.is_edge_aware), dtype=np.uint8)


def _deviation(p: CaptureParameters) -> npt.NDArray[np.float32]:
    """Of the noise at each of the 256 code values: a fixed part, and one that grows with the root of the signal."""
    levels = np.arange(256, dtype=np.float32) / 255
    return np.sqrt(np.float32(p.read_noise) ** 2 + np.float32(p.shot_noise) ** 2 * levels)


def _noisy(pixels: Picture, p: CaptureParameters) -> Picture:
    """Noise of a sensor that measures all colours in every pixel, partly shared by the channels."""
    height, width = pixels.shape[:2]
    noise = fields.grain(np.random.default_rng(p.seed), height, width, sigma_px=p.noise_px)
    shared, own = np.float32(np.sqrt(1 - p.colour_noise)), np.float32(np.sqrt(p.colour_noise))
    shifts = ((0, 0), (height // 3 + 1, width // 2), (height // 2, width // 3 + 1))
    common = shared * np.roll(noise, (height // 5 + 1, width // 7 + 1), axis=(0, 1))
    planes = [common + own * np.roll(noise, shift, axis=(0, 1)) for shift in shifts]
    code = pixels.astype(np.float32) * np.float32(1 / 255)
    scale = np.asarray(cv2.LUT(pixels, _deviation(p)), dtype=np.float32)
    return to_picture(code + scale * cv2.merge(planes))


def _grainy(pixels: Picture, p: CaptureParameters) -> Picture:
    """Film grain: silver has no colour, and shows most at middle grey."""
    height, width = pixels.shape[:2]
    grain = fields.grain(np.random.default_rng((p.seed, 1)), height, width, sigma_px=p.grain_px)
    levels = np.arange(256, dtype=np.float32) / 255
    shown = np.float32(2 * p.grain * 255) * np.sqrt(levels * (1 - levels))
    grain *= cv2.LUT(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), shown)
    return np.asarray(cv2.add(pixels, cv2.merge([grain, grain, grain]), dtype=cv2.CV_8U), dtype=np.uint8)


def _stored(pixels: Picture, quality: int, *, is_chroma_halved: bool) -> Picture:
    """One JPEG round: encoded and decoded again."""
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if is_chroma_halved else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    stored = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)[1]
    return np.asarray(cv2.cvtColor(cv2.imdecode(stored, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), dtype=np.uint8)
