"""What software does to a picture, step by step: each as `(picture, amount, side, generator) -> picture` of the same size.

`amount` is above 0 and 1 is plain to see; `side` is that of the face box in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import cv2
import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.complexion import as_grey_as
from bonaface.errors import SimulationError, did_you_mean
from bonaface.types import Picture

LARGEST_CHAIN = 3
"""Steps in a row."""

FAINTEST, LOUDEST = 0.4, 1.6
"""Amounts at strength 1: the glaring ones are what learning begins with, the faint ones survive few cameras."""


class Chain(Protocol):
    """Steps in a row, as parameters of a simulation tell them."""

    @property
    def seed(self) -> int: ...
    @property
    def steps(self) -> tuple[str, ...]: ...
    @property
    def amounts(self) -> tuple[float, ...]: ...


Step = Callable[[Picture, float, float, np.random.Generator], Picture]

_INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_AREA)


def resampled(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Smaller and back, each by a method of its own."""
    down, up = (_INTERPOLATIONS[int(value)] for value in rng.integers(len(_INTERPOLATIONS), size=2))
    factor = float(np.clip(1 - amount * rng.uniform(0.3, 0.75), 0.2, 0.95))
    height, width = picture.shape[:2]
    size = (max(round(width * factor), 2), max(round(height * factor), 2))
    small = cv2.resize(picture, size, interpolation=down)
    return to_levels(cv2.resize(small, (width, height), interpolation=up))


def bent(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Pulled about by a smooth field."""
    height, width = picture.shape[:2]
    points = int(rng.integers(3, 7))
    sigma = amount * side * rng.uniform(0.004, 0.03)
    maps = fields.moved_grid(*fields.displacement(rng, height, width, points=points, sigma_px=sigma))
    how = _INTERPOLATIONS[int(rng.integers(1, 4))]
    return to_levels(cv2.remap(picture, *maps, how, borderMode=cv2.BORDER_REPLICATE))


def moved(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Shifted, turned and scaled a little, as what is pasted from another frame."""
    height, width = picture.shape[:2]
    turn = amount * float(rng.uniform(-6, 6))
    scale = 1 + amount * float(rng.uniform(-0.06, 0.06))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += amount * side * rng.uniform(-0.03, 0.03, 2)
    how = _INTERPOLATIONS[int(rng.integers(1, 4))]
    return to_levels(
        cv2.warpAffine(picture, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    )


def softened(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Blurred; or blurred but for its edges, as a beauty filter does."""
    if rng.random() < 0.5:
        return to_levels(cv2.GaussianBlur(picture, (0, 0), 0.3 + 1.2 * amount))
    smooth = cv2.bilateralFilter(picture, 5, 15 + 60 * amount, 2.0)
    return mixed(picture, to_levels(smooth), min(amount + 0.2, 1.0))


def sharpened(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Its detail stronger, with halos along edges."""
    soft = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 2.0)))
    return to_levels(cv2.addWeighted(picture, 1 + 1.5 * amount, soft, -1.5 * amount, 0))


def compressed(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Stored once more, on a grid of its own."""
    quality = int(np.clip(95 - 65 * amount * rng.uniform(0.6, 1.2), 15, 97))
    top, left = (int(value) for value in rng.integers(0, 8, 2))
    framed = cv2.copyMakeBorder(
        cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), top, 8, left, 8, cv2.BORDER_REFLECT_101
    )
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if rng.random() < 0.6 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, data = cv2.imencode(".jpg", framed, settings)
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8)
    return np.ascontiguousarray(back[top : top + picture.shape[0], left : left + picture.shape[1]])


def noisy(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Grain that is not the camera's: of another size, more or less alike in the channels."""
    height, width = picture.shape[:2]
    size, share = float(rng.uniform(0, 1.2)), float(rng.random())
    planes = [fields.grain(rng, height, width, sigma_px=size) for _ in range(4)]
    alike = [np.sqrt(share) * planes[3] + np.sqrt(1 - share) * plane for plane in planes[:3]]
    return to_levels(picture.astype(np.float32) + np.float32(1 + 7 * amount) * np.stack(alike, axis=2))


def tinted(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Another brightness, contrast and colour."""
    gains = 1 + amount * (rng.uniform(-0.12, 0.12) + rng.uniform(-0.06, 0.06, 3))
    offsets = amount * rng.uniform(-10, 10, 3)
    return to_levels(picture.astype(np.float32) * gains.astype(np.float32) + offsets.astype(np.float32))


def banded(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """One band of its detail stronger or weaker."""
    fine = float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))
    values = picture.astype(np.float32)
    upper = cv2.GaussianBlur(values, (0, 0), fine)
    band = upper - cv2.GaussianBlur(values, (0, 0), fine * float(rng.uniform(1.5, 2.5)))
    return to_levels(values + np.float32(amount * rng.choice([-0.9, 1.2])) * band)


def levelled(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Fewer levels: quantised in steps, on a scale of its own."""
    step = 2 + 10 * amount * float(rng.uniform(0.3, 1.0))
    values = picture.astype(np.float32)
    rounded = np.rint(values / step) * step
    return mixed(picture, to_levels(rounded), float(rng.uniform(0.5, 1.0)))


def doubled(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """A ghost of itself beside it, as between two frames."""
    height, width = picture.shape[:2]
    dx, dy = (amount * side * value for value in rng.uniform(-0.05, 0.05, 2))
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    ghost = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return mixed(picture, to_levels(ghost), float(rng.uniform(0.15, 0.5)))


STEPS: Mapping[str, Step] = {
    "resampled": resampled,
    "bent": bent,
    "moved": moved,
    "softened": softened,
    "sharpened": sharpened,
    "compressed": compressed,
    "noisy": noisy,
    "tinted": tinted,
    "banded": banded,
    "levelled": levelled,
    "doubled": doubled,
}


def processed(picture: Picture, chain: Chain, *, known: Mapping[str, Step], side: float) -> Picture:
    """The picture after every step of a chain; a grey one stays grey, or colour would be the whole clue.

    Args:
        picture: Any part of a scene.
        chain: What is done, of `known`.
        known: Steps by name.
        side: Of the face box, in pixels.
    """
    made, rng = picture, np.random.default_rng(chain.seed)
    for name, amount in zip(chain.steps, chain.amounts, strict=True):
        made = known[name](made, amount, side, rng)
    return as_grey_as(picture, made)


def check_chain(chain: Chain, *, known: Mapping[str, Step], what: str) -> None:
    """Raise `SimulationError` unless every step is known and has an amount.

    Args:
        chain: What is to be done.
        known: Steps by name.
        what: Whose steps they are, for the message.
    """
    unknown = next((name for name in chain.steps if name not in known), None)
    if unknown is not None:
        raise SimulationError(
            f"a step of {what} must be one of {', '.join(known)}; got '{unknown}'{did_you_mean(unknown, known)}"
        )
    if len(chain.steps) != len(chain.amounts):
        raise SimulationError(
            f"{what} needs an amount for every step; got {len(chain.amounts)} for {len(chain.steps)}"
        )


def drawn_steps(
    rng: np.random.Generator, known: Mapping[str, Step], *, strength: float
) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """One to three different steps and how much of each, from hardly to be seen to glaring; `strength` scales them all."""
    count = 1 + int(rng.choice(LARGEST_CHAIN, p=[0.4, 0.4, 0.2]))
    steps = tuple(str(name) for name in rng.choice(list(known), count, replace=False))
    amounts = np.exp(rng.uniform(np.log(FAINTEST), np.log(LOUDEST), count))
    return steps, tuple(float(value) * strength for value in amounts)


def mixed(picture: Picture, other: Picture, share: float) -> Picture:
    """`share` of the other, the rest of the picture."""
    return to_levels(cv2.addWeighted(other, share, picture, 1 - share, 0))


def to_levels(values: object) -> Picture:
    """Numbers of 0 to 255 and beyond, rounded and clipped."""
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)  # type: ignore[call-overload]
