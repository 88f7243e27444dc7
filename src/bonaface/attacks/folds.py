"""A sheet of paper that was folded and laid open again: it shades, kinks and loses ink along each fold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.scene import Plane

CAMERA = 1.6
"""Distance of the camera from the sheet, in longer sides of the picture."""

RAKING = 1.2
"""Share of the light that comes from the side, over that from the front."""


@dataclass(frozen=True, slots=True)
class Folds:
    """Straight folds, one entry of each tuple for each of them; none leaves the sheet smooth.

    Attributes:
        across_deg: Direction across the fold, as in `light.slope`.
        offset: Of the fold from the sheet's centre in that direction, as a share of the longer side.
        turn_deg: By how much either side turns away from the camera: a ridge; negative towards it: a valley.
        reach: Distance in which the paper lies flat again (by a factor of e), as a share of the longer side.
        wear: Share of the ink that is gone in the middle of the fold, in [0, 1].
        line_px: Half width of the worn line (Gaussian sigma), in pixels.
    """

    across_deg: tuple[float, ...] = ()
    offset: tuple[float, ...] = ()
    turn_deg: tuple[float, ...] = ()
    reach: tuple[float, ...] = ()
    wear: tuple[float, ...] = ()
    line_px: tuple[float, ...] = ()


def draw_folds(rng: np.random.Generator, *, strength: float) -> Folds:
    """One fold, two that cross, or two side by side, as letters have them."""
    u = rng.uniform
    num = 1 if rng.random() < 0.5 else 2
    first = float(rng.choice([0.0, 90.0]) + rng.normal(0, 4))
    middle, apart = float(u(-0.25, 0.25)), float(u(0.25, 0.4))
    if rng.random() < 0.6:
        across, offset = (first, first + 90 + float(rng.normal(0, 1.5))), (middle, float(u(-0.25, 0.25)))
    else:
        across, offset = (first, first + float(rng.normal(0, 1.5))), (middle - apart / 2, middle + apart / 2)
    signs = rng.choice([-1.0, 1.0], num)
    return Folds(
        across_deg=across[:num],
        offset=offset[:num],
        turn_deg=tuple(float(sign * u(3, 14)) * strength for sign in signs),
        reach=tuple(float(v) for v in np.exp(u(np.log(0.04), np.log(0.4), num))),
        wear=tuple(min(strength * float(v), 1.0) for v in u(0.0, 0.55, num)),
        line_px=tuple(float(v) for v in u(0.4, 1.2, num)),
    )


def folded(
    folds: Folds, maps: tuple[Plane, Plane], rng: np.random.Generator, *, light_deg: float
) -> tuple[tuple[Plane, Plane], Plane, Plane]:
    """(maps, shade, wear): where a camera sees the folded sheet, its light over a smooth one's, and its lost ink.

    A fold rises out of the sheet or sinks below it, highest in its middle. What is nearer looks larger, so lines that
    cross the fold kink; the side that faces the light is brighter; a valley sees less of the room.

    Args:
        folds: At least one.
        maps: For every pixel the smooth sheet's pixel seen there, x and y.
        rng: Of the flakes in which ink comes off.
        light_deg: Where the light comes from.
    """
    height, width = maps[0].shape
    long = max(height, width)
    x, y = (one - np.float32((size - 1) / 2) for one, size in zip(maps, (width, height), strict=True))
    rise, shade, wear = (np.full((height, width), value, dtype=np.float32) for value in (0, 1, 0))
    flakes = np.clip(0.7 + 0.45 * fields.unevenness(rng, height, width, cells=max(long // 6, 2)), 0, 1)
    for across_deg, offset, turn_deg, reach, worn, line_px in zip(
        folds.across_deg, folds.offset, folds.turn_deg, folds.reach, folds.wear, folds.line_px, strict=True
    ):
        angle, slope = np.deg2rad(across_deg), np.float32(np.tan(np.deg2rad(turn_deg)))
        across = x * np.float32(np.cos(angle)) + y * np.float32(np.sin(angle)) - np.float32(offset * long)
        far = np.abs(across)
        bump = np.exp(far * np.float32(-1 / (reach * long)))
        line = np.exp(np.square(far * np.float32(1 / line_px)) * np.float32(-0.5))
        rise += slope * np.float32(reach) * bump
        side = np.clip(across * np.float32(0.5 / line_px), -1, 1)
        from_side = np.float32(RAKING * np.cos(np.deg2rad(light_deg - across_deg)))
        shade += from_side * slope * side * bump + min(slope, np.float32(0)) * line
        np.maximum(wear, np.float32(worn) * line * flakes, out=wear)
    rise *= np.float32(-1 / CAMERA)
    return (maps[0] + x * rise, maps[1] + y * rise), np.maximum(shade, np.float32(0.1)), wear
