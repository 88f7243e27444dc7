"""A thing before another: what is seen of its cut edge, and the shadow that it throws."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.attacks.light import to_picture
from bonaface.attacks.scene import Plane
from bonaface.types import Picture

FINEST_PX = 0.4
"""Bands are drawn at least this soft; narrower ones fade instead."""

FAINTEST = np.float32(1 / 512)
"""Shadows below this change no code value."""


@dataclass(frozen=True, slots=True)
class CutEdge:
    """The edge of a thin thing. Lengths are shares of the side of the face.

    Attributes:
        core: Grey of the bare cut over the thing's mean code value: above 1 is white fibre, below 1 a dark rim.
        core_opacity: How much of it is seen where the cut faces the light, in [0, 1].
        core_width: Width of that line.
        relief: Rise of the code value of an edge bent towards the light, as a share; negative is bent away.
        relief_width: Width of the bent band.
        shadow: Share of the light that the shadow takes from what lies behind, in [0, 1].
        shadow_reach: Distance between the edge and its shadow.
        shadow_softness: Blur of the shadow.
    """

    core: float
    core_opacity: float
    core_width: float
    relief: float
    relief_width: float
    shadow: float
    shadow_reach: float
    shadow_softness: float

    @property
    def reach(self) -> float:
        """How far from the outline anything can change, as a share of the side."""
        return self.shadow_reach + 4 * self.shadow_softness


def draw_paper_edge(rng: np.random.Generator, *, strength: float) -> CutEdge:
    """Draws the edge of cut paper: a thin pale line, a slight bend, a soft shadow close by.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible they are.
    """
    u = rng.uniform
    return CutEdge(
        core=float(u(1.2, 1.9)),
        core_opacity=min(strength * float(u(0.15, 0.75)), 1.0),
        core_width=float(u(0.002, 0.011)),
        relief=strength * float(rng.normal(0, 0.12)),
        relief_width=float(u(0.008, 0.025)),
        shadow=min(strength * float(u(0.35, 0.85)), 1.0),
        shadow_reach=float(u(0.006, 0.045)),
        shadow_softness=float(u(0.004, 0.03)),
    )


def shadow_of(thing: Plane, edge: CutEdge, *, light_deg: float, side: float) -> Plane:
    """Where the thing keeps the light from what lies behind: in [0, 1], exactly 0 far away.

    Args:
        thing: Share of each pixel that the thing covers.
        edge: Of the thing.
        light_deg: Direction that the light comes from, as in `light.slope`.
        side: Of the face, in pixels.
    """
    angle, reach = np.deg2rad(light_deg), edge.shadow_reach * side
    shift = np.array([[1, 0, -reach * np.cos(angle)], [0, 1, -reach * np.sin(angle)]])
    size = (thing.shape[1], thing.shape[0])
    moved = cv2.warpAffine(thing, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    soft = np.minimum(softened(moved, edge.shadow_softness * side), 1)
    return np.where(soft < FAINTEST, np.float32(0), soft)


def touched(thing: Plane, edge: CutEdge, *, light_deg: float, side: float) -> Plane:
    """Where the thing or its shadow lies, in [0, 1]; arguments as in `shadow_of`."""
    return np.maximum(thing, shadow_of(thing, edge, light_deg=light_deg, side=side))


def laid_over(
    thing: Picture, behind: Picture, covers: Plane, edge: CutEdge, *, light_deg: float, side: float
) -> Picture:
    """The thing before what lies behind it, both (height, width, 3), with the thing's edge and shadow.

    Args:
        thing: Picture of it, also where it does not cover.
        behind: What is seen where it does not cover.
        covers: Share of each pixel that it covers.
        edge: Of the thing.
        light_deg: Direction that the light comes from, as in `light.slope`.
        side: Of the face, in pixels.
    """
    shade = np.sqrt(1 - np.float32(edge.shadow) * shadow_of(covers, edge, light_deg=light_deg, side=side))
    back = cv2.multiply(behind, cv2.merge([shade] * 3), scale=1 / 255, dtype=cv2.CV_32F)
    _, bent = _band(covers, edge.relief_width * side, light_deg)
    front = cv2.multiply(
        thing, cv2.merge([1 + np.float32(edge.relief) * bent] * 3), scale=1 / 255, dtype=cv2.CV_32F
    )
    core_px = edge.core_width * side
    near, facing = _band(covers, core_px, light_deg)
    opacity = np.float32(edge.core_opacity * min(core_px / FINEST_PX, 1.0)) * near * (0.55 + 0.45 * facing)
    grey = min(edge.core * _mean_where(thing, covers), 1.0)
    core = np.full_like(front, grey)
    front = cv2.blendLinear(front, core, 1 - opacity, opacity)
    return to_picture(np.asarray(cv2.blendLinear(front, back, covers, 1 - covers), dtype=np.float32))


def _band(covers: Plane, width_px: float, light_deg: float) -> tuple[Plane, Plane]:
    """The band along the edge inside the thing, in [0, 1]; and how far its outward side faces the light, in [-1, 1]."""
    sigma = max(width_px, FINEST_PX)
    soft = softened(covers, sigma)
    slope_x = cv2.Sobel(soft, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    slope_y = cv2.Sobel(soft, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8, borderType=cv2.BORDER_REPLICATE)
    angle, steepest = np.deg2rad(light_deg), sigma * np.sqrt(2 * np.pi)
    facing = cv2.addWeighted(
        slope_x, -float(np.cos(angle) * steepest), slope_y, -float(np.sin(angle) * steepest), 0
    )
    band = np.clip(2 * (1 - soft), 0, 1) * covers
    return np.asarray(band, np.float32), np.clip(np.asarray(facing, np.float32), -1, 1)


def softened(plane: Plane, sigma_px: float) -> Plane:
    """Blurred, borders repeated; by no less than `FINEST_PX` and no more than the plane is large."""
    sigma = min(max(sigma_px, FINEST_PX), max(plane.shape))
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.float32)


def _mean_where(picture: Picture, weight: Plane) -> float:
    """Mean code value in [0, 1] where the weight is above a half; of all where it nowhere is."""
    chosen = (weight > 0.5).astype(np.uint8)
    return sum(cv2.mean(picture, chosen if chosen.any() else None)[:3]) / (3 * 255)
