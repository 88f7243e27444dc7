"""What a medium does to the face that it shows, step by step, whether paper, panel or skin: no real one, but the space they lie in.

Steps are those of `processing`: `(picture, amount, side, generator) -> picture` of the same size.
"""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.light import blob, mix_channels, saturation_matrix, slope
from bonaface.attacks.processing import Step, compressed, mixed, resampled, sharpened, to_levels
from bonaface.attacks.scene import Plane
from bonaface.types import Picture


def rastered(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Under a lattice: waves in one or two directions, bent a little, out of step between the colours."""
    height, width = picture.shape[:2]
    period = max(side * _between(rng, 0.008, 0.06), 1.8)
    turn, phases = float(rng.uniform(0, np.pi)), rng.uniform(0, 1, 3) * rng.choice([0.0, 1.0])
    bend = np.float32(period * rng.uniform(0, 1.5)) * fields.unevenness(rng, height, width, cells=4)
    sharpness = float(rng.uniform(0.3, 1.5))
    directions = (turn, turn + np.pi / 2) if rng.random() < 0.7 else (turn,)
    depth = np.float32(amount * rng.uniform(0.06, 0.3) / len(directions))
    gains = np.ones((height, width, 3), np.float32)
    for direction in directions:
        along = _along(height, width, direction) + bend
        for channel, phase in enumerate(phases):
            wave = np.cos(2 * np.pi * (along / np.float32(period) + np.float32(phase)))
            gains[..., channel] += depth * np.sign(wave) * np.abs(wave) ** np.float32(sharpness)
    return to_levels(picture.astype(np.float32) * gains)


def striped(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Under slow stripes of brightness and colour, as a lamp's or a panel's flicker leaves them."""
    height, width = picture.shape[:2]
    period = side * _between(rng, 0.1, 1.0)
    along = _along(height, width, float(rng.uniform(0, np.pi))) / np.float32(period)
    depths = np.float32(amount) * (rng.uniform(0.03, 0.12) + rng.uniform(-0.04, 0.04, 3)).astype(np.float32)
    wave = np.cos(2 * np.pi * (along + np.float32(rng.random())))
    return to_levels(picture.astype(np.float32) * (1 + wave[..., None] * depths))


def regamut(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """In the colours of a medium: its black and white, its curve, its primaries."""
    black = amount * rng.uniform(0, 0.15) + amount * rng.uniform(0, 0.04, 3)
    white = 1 - amount * rng.uniform(0, 0.25) - amount * rng.uniform(0, 0.06, 3)
    gamma = np.exp(amount * (rng.uniform(-0.4, 0.4) + rng.uniform(-0.1, 0.1, 3)))
    code = (picture.astype(np.float32) / 255) ** gamma.astype(np.float32)
    saturation = saturation_matrix(float(1 + amount * rng.uniform(-0.5, 0.4)))
    leaks = np.asarray(amount * rng.normal(0, 0.04, (3, 3)), np.float32)
    shown = mix_channels(np.asarray(code, np.float32), saturation + leaks)
    return to_levels(255 * (black + (white - black) * shown))


def textured(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """On a ground that is not smooth: grain or fibres, lighter and darker, hardly coloured."""
    height, width = picture.shape[:2]
    grain = fields.grain(rng, height, width, sigma_px=float(side * rng.uniform(0, 0.01)))
    if rng.random() < 0.4:
        length = 2 * int(side * rng.uniform(0.01, 0.04)) + 3
        kernel = np.full((1, length), length**-0.5, np.float32)
        kernel = kernel if rng.random() < 0.5 else np.ascontiguousarray(kernel.T)
        grain = cv2.filter2D(grain, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    depths = np.float32(amount * rng.uniform(0.02, 0.08)) * rng.uniform(0.8, 1.2, 3).astype(np.float32)
    return to_levels(picture.astype(np.float32) * (1 + grain[..., None] * depths))


def relit(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """Lit as a surface of its own: from one side, with the mirror image of a lamp on it."""
    height, width = picture.shape[:2]
    lit = (
        picture.astype(np.float32)
        * slope(
            height, width, angle_deg=float(rng.uniform(0, 360)), amount=float(amount * rng.uniform(0.1, 0.6))
        )[..., None]
    )
    if rng.random() < 0.7:
        spot = blob(
            height,
            width,
            center=(float(rng.uniform(0, 1)), float(rng.uniform(0, 1))),
            radius=(_between(rng, 0.05, 0.5), _between(rng, 0.05, 0.5)),
            angle_deg=float(rng.uniform(0, 180)),
            hardness=float(rng.uniform(0.7, 3)),
        )
        lit = lit + np.float32(255 * amount * rng.uniform(0.08, 0.45)) * spot[..., None]
    return to_levels(lit)


def dithered(picture: Picture, amount: float, _side: float, rng: np.random.Generator) -> Picture:
    """In few levels with grain between them, run together a little."""
    height, width = picture.shape[:2]
    step = np.float32(255 / rng.uniform(1.5, 6))
    size = float(rng.uniform(0, 1.0))
    planes = [fields.grain(rng, height, width, sigma_px=size) for _ in range(3)]
    noise = np.stack(planes if rng.random() < 0.5 else planes[:1] * 3, axis=2)
    rounded = np.rint(picture.astype(np.float32) / step + np.float32(0.4) * noise) * step
    soft = cv2.GaussianBlur(to_levels(rounded), (0, 0), float(rng.uniform(0.4, 1.2)))
    return mixed(picture, to_levels(soft), float(min(amount * rng.uniform(0.2, 0.9), 1.0)))


def veiled(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Behind a pane: haze, or a room's dim mirror image."""
    haze = np.empty_like(picture)
    haze[:] = rng.integers(40, 256)
    if rng.random() < 0.5:
        flipped = np.ascontiguousarray(picture[:, ::-1])
        haze = to_levels(cv2.GaussianBlur(flipped, (0, 0), float(1 + side * rng.uniform(0.02, 0.15))))
    return mixed(picture, haze, float(min(amount * rng.uniform(0.06, 0.3), 0.6)))


def flattened(picture: Picture, amount: float, side: float, rng: np.random.Generator) -> Picture:
    """Skin's fine relief gone, or coarser than skin's."""
    values = picture.astype(np.float32)
    base = cv2.GaussianBlur(values, (0, 0), float(0.6 + side * rng.uniform(0.004, 0.02)))
    kept = 1 + amount * float(rng.choice([rng.uniform(-0.85, -0.3), rng.uniform(0.3, 0.9)]))
    return to_levels(base + np.float32(kept) * (values - base))


STEPS: Mapping[str, Step] = {
    "rastered": rastered,
    "striped": striped,
    "regamut": regamut,
    "textured": textured,
    "relit": relit,
    "dithered": dithered,
    "veiled": veiled,
    "flattened": flattened,
    "resampled": resampled,
    "sharpened": sharpened,
    "compressed": compressed,
}


TELLING = ("rastered", "striped", "textured", "dithered")
"""What a picture of a genuine face can not have all over; anything else may be its camera's or its light's."""


def _between(rng: np.random.Generator, low: float, high: float) -> float:
    """As likely in any octave."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _along(height: int, width: int, turn: float) -> Plane:
    """(height, width): pixels from the corner in one direction."""
    x = np.arange(width, dtype=np.float32) * np.float32(np.cos(turn))
    y = np.arange(height, dtype=np.float32) * np.float32(np.sin(turn))
    return np.asarray(x[None, :] + y[:, None], np.float32)
