"""Everyday changes of a picture, by kind and severity: what a detector should bear, and what only one change does to it.

The face is found once, on the untouched picture. An alteration then changes the picture, the box or both, and the crop
is cut at the box that comes out: what is measured is the model, not the finder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.types import Box, Picture

Altered = tuple[Picture, Box]
Apply = Callable[[Picture, Box, float, np.random.Generator], Altered]

REACH = 1.7
"""How far from the face's centre an altered crop can look, in half sides of the crop as it is: the loosest looks 1.6."""

GREY = 128
"""Code value of what covers a face."""

LUMINANCE = (0.2126, 0.7152, 0.0722)
"""Shares of linear R, G and B in luminance (ITU-R BT.709)."""


@dataclass(frozen=True, slots=True)
class Alteration:
    """One kind of change.

    Attributes:
        name: Its word.
        unit: What a severity counts.
        as_is: Where the untouched picture stands on the axis of severities.
        severities: From mild to strong; they rise or fall away from `as_is`.
        meaning: One phrase for people.
        apply: (picture, box, severity, generator) -> (picture, box). The picture is (height, width, 3) uint8 RGB, the box
            the face's, in its pixels. The input is never written to. A generator in the same state draws the same place,
            direction or noise at every severity, so that only the strength differs.
    """

    name: str
    unit: str
    as_is: float
    severities: tuple[float, ...]
    meaning: str
    apply: Apply = field(repr=False, compare=False)


def face_region(picture: Picture, box: Box, margin_ratio: float) -> Altered:
    """The part of a picture that crops of the altered face can see, and the box in it.

    Alterations of it are quick, and the untouched crop is the same to the bit.

    Args:
        picture: (height, width, 3) uint8 RGB, upright.
        box: The face's.
        margin_ratio: The input contract's.

    Returns:
        A view into `picture`. It starts on even pixels: halves are rounded to even numbers when a crop is cut.
    """
    height, width = picture.shape[:2]
    wide = box.squared(margin_ratio).squared((REACH - 1) / 2)
    left, top = (max(0, math.floor(start) - 1) // 2 * 2 for start in (wide.x1, wide.y1))
    right, bottom = min(width, math.ceil(wide.x2) + 1), min(height, math.ceil(wide.y2) + 1)
    return picture[top:bottom, left:right], box.shifted(-left, -top)


def _jpeg(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    options = [cv2.IMWRITE_JPEG_QUALITY, round(severity)]
    stored = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), options)[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_COLOR_RGB), np.uint8), box


def _blur(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    soft = cv2.GaussianBlur(picture, (0, 0), severity * box.side, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(soft, np.uint8), box


def _noise(picture: Picture, box: Box, severity: float, rng: np.random.Generator) -> Altered:
    noise = rng.standard_normal(picture.shape, dtype=np.float32)
    return _code_values(picture + np.float32(severity) * noise), box


def _darker(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    return _lit(picture, np.full(3, 2**-severity)), box


def _brighter(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    return _lit(picture, np.full(3, 2**severity)), box


def _contrast(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    mean = float(picture.mean())
    return _code_values(mean + (1 - severity) * (picture.astype(np.float32) - mean)), box


def _warmer(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    return _tinted(picture, severity), box


def _colder(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    return _tinted(picture, -severity), box


def _occlusion(picture: Picture, box: Box, severity: float, rng: np.random.Generator) -> Altered:
    is_upright, place = rng.random() < 0.5, rng.random()
    width, height = (severity, 1.0) if is_upright else (1.0, severity)
    x1, y1 = box.x1 + place * (1 - width) * box.width, box.y1 + place * (1 - height) * box.height
    covered = picture.copy()
    x2, y2 = x1 + width * box.width, y1 + height * box.height
    covered[max(0, round(y1)) : max(0, round(y2)), max(0, round(x1)) : max(0, round(x2))] = GREY
    return covered, box


def _downscale(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    factor = severity / box.side
    if factor >= 1:
        return picture, box
    height, width = picture.shape[:2]
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    # grown back, so that the crop is cut at the same place: whole pixels of a small picture would move it
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8), box


def _rotation(picture: Picture, box: Box, severity: float, rng: np.random.Generator) -> Altered:
    x, y = box.center
    turn = cv2.getRotationMatrix2D((x - 0.5, y - 0.5), float(rng.choice((-1, 1))) * severity, 1.0)
    size = (picture.shape[1], picture.shape[0])
    turned = cv2.warpAffine(picture, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(turned, np.uint8), box


def _box_jitter(picture: Picture, box: Box, severity: float, rng: np.random.Generator) -> Altered:
    angle, distance = rng.uniform(0, 2 * math.pi), severity * box.side
    return picture, box.shifted(distance * math.cos(angle), distance * math.sin(angle))


def _box_scale(picture: Picture, box: Box, severity: float, _: np.random.Generator) -> Altered:
    return picture, box.squared((severity - 1) / 2)


def _tinted(picture: Picture, stops: float) -> Picture:
    """Red over blue raised by so many stops of light, luminance of a grey kept."""
    gains = np.array([2 ** (stops / 2), 1.0, 2 ** (-stops / 2)])
    return _lit(picture, gains / np.dot(gains, LUMINANCE))


def _lit(picture: Picture, gains: npt.NDArray[np.float64]) -> Picture:
    """Linear light of R, G and B times a factor each; what is brighter than white is white."""
    code = np.arange(256)[:, None] / 255
    light = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4) * gains
    shown = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(cv2.LUT(picture, _code_values(255 * shown).reshape(1, 256, 3)), np.uint8)


def _code_values(values: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)


ALTERATIONS: dict[str, Alteration] = {
    one.name: one
    for one in (
        Alteration("jpeg", "JPEG quality", 100, (90, 70, 50, 30, 10), "stored again as JPEG", _jpeg),
        Alteration("blur", "sigma / face side", 0, (0.005, 0.01, 0.02, 0.03, 0.04), "out of focus", _blur),
        Alteration("noise", "sd in code values", 0, (2, 5, 10, 20, 30), "grain in every pixel", _noise),
        Alteration("darker", "EV less", 0, (0.5, 1, 1.5, 2, 3), "less light", _darker),
        Alteration("brighter", "EV more", 0, (0.25, 0.5, 0.75, 1, 1.5), "more light", _brighter),
        Alteration("contrast", "share taken away", 0, (0.15, 0.3, 0.45, 0.6, 0.75), "hazy", _contrast),
        Alteration("warmer", "EV of red over blue", 0, (0.2, 0.4, 0.6, 0.9, 1.2), "yellower light", _warmer),
        Alteration("colder", "EV of blue over red", 0, (0.2, 0.4, 0.6, 0.9, 1.2), "bluer light", _colder),
        Alteration("occlusion", "share of the face", 0, (0.1, 0.2, 0.3, 0.4, 0.5), "a grey bar", _occlusion),
        Alteration("downscale", "px of face side", 128, (96, 64, 48, 32, 24), "far away", _downscale),
        Alteration("rotation", "degrees", 0, (5, 10, 15, 20, 30), "the head tilted to a side", _rotation),
        Alteration("box_jitter", "face sides", 0, (0.05, 0.1, 0.15, 0.2, 0.3), "off centre", _box_jitter),
        Alteration("tighter", "times the box", 1, (0.95, 0.9, 0.85, 0.8, 0.7), "a tighter crop", _box_scale),
        Alteration("looser", "times the box", 1, (1.1, 1.2, 1.3, 1.4, 1.6), "a looser crop", _box_scale),
    )
}
"""Every kind by its name. `as_is` of downscale is nominal: a face with fewer pixels than a severity stays as it is."""

OF_THE_CUT = ("box_jitter", "tighter", "looser")
"""Kinds that change where a crop is cut and nothing else: to a model that takes pictures whole they do nothing."""
