"""A clue without a mechanism: some place of a face has gone through some processing, and its surroundings have not.

Real manipulations differ in what they mean and agree in this. Places and processing are drawn far apart, so that what is
learned is that a place does not fit, whatever made it so. After self-blended faces (Shiohara and Yamasaki 2022,
arXiv 2204.08376), which know one place and few changes, and local inconsistencies as Li et al. 2020 (arXiv 1912.13458) seek
them at a blend's border.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.complexion import is_grey
from bonaface.attacks.mesh import Matrix, chained, face_matrix
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, inner_mask, inner_window
from bonaface.errors import SimulationError, did_you_mean
from bonaface.types import Picture

_INTERPOLATIONS = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_AREA)

LARGEST_CHAIN = 3
"""Steps of processing in a row."""


@dataclass(frozen=True, slots=True)
class PatchworkParameters:
    """One processed place.

    Attributes:
        seed: Of what every step draws for itself.
        steps: What is done, in order; of `STEPS`.
        amounts: How much of each, above 0; 1 is as strong as it gets at strength 1.
        region: The place, about a point of the face.
        region_x: That point, in shares of the face box from its middle.
        region_y: Likewise.
        is_paired: Whether the same is done to its mirror image in the face, as to both eyes.
        seam: How the place is put back: alpha, poisson or pyramid, as `blended`.
    """

    seed: int
    steps: tuple[str, ...]
    amounts: tuple[float, ...]
    region: InnerFace
    region_x: float
    region_y: float
    is_paired: bool
    seam: str


def draw_patchwork(rng: np.random.Generator, *, strength: float = 1.0) -> PatchworkParameters:
    """Draws a place, from the tip of the nose to the whole face, and one to three steps.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales every step.
    """
    u = rng.uniform
    count = 1 + int(rng.choice(LARGEST_CHAIN, p=[0.4, 0.4, 0.2]))
    steps = tuple(str(name) for name in rng.choice(list(STEPS), count, replace=False))
    width = float(np.exp(u(np.log(0.15), np.log(0.6))))
    height = min(
        width * float(np.exp(u(-0.5, 0.5))), 0.6
    )  # something of the picture stays, or nothing would not fit
    reach = max(0.0, 0.55 - width)  # small places lie anywhere in the face, large ones about its middle
    x, y = (float(value) for value in u(-reach, reach, 2))
    return PatchworkParameters(
        seed=int(rng.integers(2**31)),
        steps=steps,
        amounts=tuple(float(value) * strength for value in u(0.35, 1.0, count)),
        region=InnerFace(
            seed=int(rng.integers(2**31)),
            half_width=width,
            top=height * float(u(0.7, 1.3)),
            bottom=height * float(u(0.7, 1.3)),
            flatness=float(u(2.0, 4.0)),
            unevenness=float(u(0.0, 0.12)),
            edge=float(np.exp(u(np.log(0.01), np.log(0.25)))),
        ),
        region_x=x,
        region_y=y,
        is_paired=bool(abs(x) > width and rng.random() < 0.7),
        seam=("alpha", "poisson", "pyramid")[int(rng.choice(3, p=[0.7, 0.15, 0.15]))],
    )


def apply_patchwork(scene: Scene, parameters: PatchworkParameters) -> Scene:
    """The scene with its place processed; its face stays where it is.

    Raises:
        SimulationError: If a step is unknown or has no amount, or the scene's landmarks do not span a face.
    """
    p, pixels = parameters, scene.pixels.copy()
    _check(p)
    for frame in _frames(scene, p):
        window = inner_window(p.region, frame, scene.size)
        if is_empty(window):
            continue
        target = np.ascontiguousarray(scene.pixels[window])
        made, rng = target, np.random.default_rng(p.seed)
        for name, amount in zip(p.steps, p.amounts, strict=True):
            made = STEPS[name](made, amount, scene.face.side, rng)
        if is_grey(target):
            made = cv2.cvtColor(cv2.cvtColor(made, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        mask = inner_mask(p.region, frame, window)
        pixels[window] = blended(made, np.ascontiguousarray(pixels[window]), mask, seam=p.seam)
    return Scene(pixels, scene.face, scene.landmarks)


def patchwork_mask(scene: Scene, parameters: PatchworkParameters) -> Plane:
    """Where `apply_patchwork` may change the scene: (height, width) float32 in [0, 1]."""
    mask = np.zeros(scene.size, np.float32)
    for frame in _frames(scene, parameters):
        window = inner_window(parameters.region, frame, scene.size)
        if not is_empty(window):
            mask[window] = np.maximum(mask[window], inner_mask(parameters.region, frame, window))
    return mask


def _check(p: PatchworkParameters) -> None:
    unknown = next((name for name in p.steps if name not in STEPS), None)
    if unknown is not None:
        raise SimulationError(
            f"a step of patchwork must be one of {', '.join(STEPS)}; got '{unknown}'{did_you_mean(unknown, STEPS)}"
        )
    if len(p.steps) != len(p.amounts):
        raise SimulationError(
            f"patchwork needs an amount for every step; got {len(p.amounts)} for {len(p.steps)}"
        )


def _frames(scene: Scene, p: PatchworkParameters) -> list[Matrix]:
    face = face_matrix(scene)
    sides = (1, -1) if p.is_paired else (1,)
    return [chained(np.array([[1.0, 0, side * p.region_x], [0, 1, p.region_y]]), face) for side in sides]


def _resampled(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Smaller and back, each by a method of its own."""
    down, up = (_INTERPOLATIONS[int(value)] for value in rng.integers(len(_INTERPOLATIONS), size=2))
    factor = float(np.clip(1 - amount * rng.uniform(0.3, 0.75), 0.2, 0.95))
    height, width = picture.shape[:2]
    size = (max(round(width * factor), 2), max(round(height * factor), 2))
    small = cv2.resize(picture, size, interpolation=down)
    return _picture(cv2.resize(small, (width, height), interpolation=up))


def _bent(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Pulled about by a smooth field."""
    height, width = picture.shape[:2]
    points = int(rng.integers(3, 7))
    sigma = amount * side * rng.uniform(0.004, 0.03)
    maps = fields.moved_grid(*fields.displacement(rng, height, width, points=points, sigma_px=sigma))
    how = _INTERPOLATIONS[int(rng.integers(1, 4))]
    return _picture(cv2.remap(picture, *maps, how, borderMode=cv2.BORDER_REPLICATE))


def _moved(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Shifted, turned and scaled a little, as what is pasted from another frame."""
    height, width = picture.shape[:2]
    turn = amount * float(rng.uniform(-6, 6))
    scale = 1 + amount * float(rng.uniform(-0.06, 0.06))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, scale)
    matrix[:, 2] += amount * side * rng.uniform(-0.03, 0.03, 2)
    how = _INTERPOLATIONS[int(rng.integers(1, 4))]
    return _picture(
        cv2.warpAffine(picture, matrix, (width, height), flags=how, borderMode=cv2.BORDER_REPLICATE)
    )


def _softened(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Blurred; or blurred but for its edges, as a beauty filter does."""
    if rng.random() < 0.5:
        return _picture(cv2.GaussianBlur(picture, (0, 0), 0.3 + 1.2 * amount))
    smooth = cv2.bilateralFilter(picture, 5, 15 + 60 * amount, 2.0)
    return _mixed(picture, _picture(smooth), min(amount + 0.2, 1.0))


def _sharpened(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    soft = cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.6, 2.0)))
    return _picture(cv2.addWeighted(picture, 1 + 1.5 * amount, soft, -1.5 * amount, 0))


def _compressed(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Stored once more, on a grid of its own."""
    quality = int(np.clip(95 - 65 * amount * rng.uniform(0.6, 1.2), 15, 97))
    top, left = (int(value) for value in rng.integers(0, 8, 2))
    framed = cv2.copyMakeBorder(picture, top, 8, left, 8, cv2.BORDER_REFLECT_101)
    sampling = (
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if rng.random() < 0.6 else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    )
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, data = cv2.imencode(".jpg", framed, settings)
    back = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(back[top : top + picture.shape[0], left : left + picture.shape[1]])


def _noisy(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Grain that is not the camera's: of another size, more or less alike in the channels."""
    height, width = picture.shape[:2]
    size, share = float(rng.uniform(0, 1.2)), float(rng.random())
    planes = [fields.grain(rng, height, width, sigma_px=size) for _ in range(4)]
    alike = [np.sqrt(share) * planes[3] + np.sqrt(1 - share) * plane for plane in planes[:3]]
    return _picture(picture.astype(np.float32) + np.float32(1 + 7 * amount) * np.stack(alike, axis=2))


def _tinted(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Another brightness, contrast and colour."""
    gains = 1 + amount * (rng.uniform(-0.12, 0.12) + rng.uniform(-0.06, 0.06, 3))
    offsets = amount * rng.uniform(-10, 10, 3)
    return _picture(picture.astype(np.float32) * gains.astype(np.float32) + offsets.astype(np.float32))


def _banded(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """One band of its detail stronger or weaker."""
    fine = float(np.exp(rng.uniform(np.log(0.4), np.log(2.5))))
    values = picture.astype(np.float32)
    upper = cv2.GaussianBlur(values, (0, 0), fine)
    band = upper - cv2.GaussianBlur(values, (0, 0), fine * float(rng.uniform(1.5, 2.5)))
    return _picture(values + np.float32(amount * rng.choice([-0.9, 1.2])) * band)


def _levelled(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Fewer levels: quantised in steps, on a scale of its own."""
    step = 2 + 10 * amount * float(rng.uniform(0.3, 1.0))
    values = picture.astype(np.float32)
    rounded = np.rint(values / step) * step
    return _mixed(picture, _picture(rounded), float(rng.uniform(0.5, 1.0)))


def _doubled(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """A ghost of itself beside it, as between two frames."""
    height, width = picture.shape[:2]
    dx, dy = (amount * side * value for value in rng.uniform(-0.05, 0.05, 2))
    matrix = np.array([[1, 0, dx], [0, 1, dy]], np.float64)
    ghost = cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return _mixed(picture, _picture(ghost), float(rng.uniform(0.15, 0.5)))


STEPS: dict[str, Callable[[Picture, float, float, np.random.Generator], Picture]] = {
    "resampled": _resampled,
    "bent": _bent,
    "moved": _moved,
    "softened": _softened,
    "sharpened": _sharpened,
    "compressed": _compressed,
    "noisy": _noisy,
    "tinted": _tinted,
    "banded": _banded,
    "levelled": _levelled,
    "doubled": _doubled,
}
"""(picture, amount, side of the face box in pixels, generator) -> picture of the same size."""


def _mixed(picture: Picture, other: Picture, share: float) -> Picture:
    return _picture(cv2.addWeighted(other, share, picture, 1 - share, 0))


def _picture(values: object) -> Picture:
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)  # type: ignore[call-overload]
