"""Fingers that hold a sheet by its edges, as far as the face but not over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonaface.attacks import fields
from bonaface.attacks.light import Colour, Light
from bonaface.attacks.scene import Plane
from bonaface.types import Box

Points = npt.NDArray[np.float64]
"""(points, 2): x and y in pixels."""

EDGES = ("top", "right", "bottom", "left")
"""Of a sheet, in the order of its corners from the top left one clockwise."""

DARK_SKIN, LIGHT_SKIN = (0.36, 0.24, 0.18), (0.94, 0.78, 0.69)
"""Code values (R, G, B) of the darkest and the lightest skin in plain light."""

NAIL = (1.08, 1.06, 1.1)
"""Factors on the skin's code values in the middle of a nail."""

OVERLAP = 0.05
"""How far a finger may reach over the border of the face's box, in sides of it."""


@dataclass(frozen=True, slots=True)
class Fingers:
    """One entry of each tuple for each finger; none leaves the sheet alone. Lengths are sides of the face's box.

    Attributes:
        edges: The sheet's edge that the finger comes over, one of `EDGES`.
        places: Where the hand comes over that edge, in [0, 1], clockwise.
        asides: How far along the edge the finger lies from there.
        reaches: How far the tip lies inside the sheet; the face stops it.
        leans_deg: Turn of the finger away from straight inwards, clockwise.
        radii: Half thickness.
        has_nails: Whether nails show: of thumbs, not of fingers that come from behind with their inner side.
        skin: Code values (R, G, B) of the skin in plain light, in [0, 1].
        own_share: Share of the face's own mean colour in the skin: 1 is a person who holds their own portrait.
    """

    edges: tuple[str, ...] = ()
    places: tuple[float, ...] = ()
    asides: tuple[float, ...] = ()
    reaches: tuple[float, ...] = ()
    leans_deg: tuple[float, ...] = ()
    radii: tuple[float, ...] = ()
    has_nails: bool = False
    skin: Colour = LIGHT_SKIN
    own_share: float = 0.0


def draw_fingers(rng: np.random.Generator, *, strength: float) -> Fingers:
    """A thumb, a thumb of each hand, or a row of fingers over one edge."""
    u = rng.uniform
    first = int(rng.choice(4, p=[0.1, 0.28, 0.34, 0.28]))
    hold = rng.choice(["thumb", "thumbs", "row"], p=[0.4, 0.35, 0.25])
    num = {"thumb": 1, "thumbs": 2, "row": int(rng.integers(2, 5))}[str(hold)]
    thickness, place = float(u(0.1, 0.19)), float(u(0.2, 0.8))
    if hold == "row":
        edges, lean = (EDGES[first],) * num, float(rng.normal(0, 12))
        places = (place,) * num
        asides = tuple(2.1 * thickness * (index - (num - 1) / 2) for index in range(num))
        leans = tuple(lean + 4 * (index - (num - 1) / 2) for index in range(num))
    else:
        edges = (EDGES[first], EDGES[(first + 2) % 4])[:num]
        places, asides = (place, 1 - place + float(rng.normal(0, 0.05)))[:num], (0.0,) * num
        leans = tuple(float(v) for v in rng.normal(0, 22, num))
    tone, red = float(u(0, 1)), float(rng.normal(0, 0.03))
    dark, light = np.array(DARK_SKIN), np.array(LIGHT_SKIN)
    skin = np.clip((dark + (light - dark) * tone) * (1 + red, 1, 1 - red), 0, 1) * u(0.8, 1.1)
    return Fingers(
        edges=edges,
        places=tuple(float(np.clip(one, 0.02, 0.98)) for one in places),
        asides=asides,
        reaches=tuple(min(strength, 1.0) * float(v) for v in u(0.15, 0.5, num)),
        leans_deg=leans,
        radii=tuple(thickness * float(v) for v in u(0.92, 1.08, num)),
        has_nails=bool(hold != "row" or rng.random() < 0.3),
        skin=(float(skin[0]), float(skin[1]), float(skin[2])),
        own_share=float(u(0.7, 1.0)) if rng.random() < 0.5 else 0.0,
    )


def held(
    code: Light,
    fingers: Fingers,
    rng: np.random.Generator,
    *,
    corners: Points,
    face: Box,
    own: Colour,
    light_deg: float,
) -> None:
    """Lays the fingers and their shadows over a picture, in place.

    Args:
        code: Code values, roots of light.
        fingers: May be none.
        rng: Of the skin's spots.
        corners: (4, 2) of the sheet in the picture, from the top left one clockwise.
        face: Where the face is in the picture.
        own: Code values of the face's own skin.
        light_deg: Where the light comes from.
    """
    height, width = code.shape[:2]
    corners = np.clip(corners, 0, (width - 1, height - 1))
    skin = (1 - fingers.own_share) * np.array(fingers.skin) + fingers.own_share * np.array(own)
    side = face.side
    for index, edge in enumerate(fingers.edges):
        start = EDGES.index(edge)
        corner, along = corners[start], corners[(start + 1) % 4] - corners[start]
        turn = np.deg2rad(90 * (start + 1) + fingers.leans_deg[index])
        inwards, straight = np.array([np.cos(turn), np.sin(turn)]), _inwards(start)
        foot = corner + fingers.places[index] * along
        foot += fingers.asides[index] * side * np.array([straight[1], -straight[0]])
        room = float((np.array(face.center) - foot) @ straight) / side - 0.5
        depth = min(fingers.reaches[index], max(room, 0.0) + OVERLAP) - fingers.radii[index]
        _lay(
            code,
            foot + depth * side * inwards,
            inwards,
            fingers.radii[index] * side,
            skin,
            rng,
            light_deg=light_deg,
            has_nail=fingers.has_nails,
        )


def _inwards(edge: int) -> Points:
    """Straight into the sheet from an edge."""
    return np.array([(0, 1), (-1, 0), (0, -1), (1, 0)][edge], dtype=np.float64)


def _lay(
    code: Light,
    tip: Points,
    inwards: Points,
    radius: float,
    skin: Points,
    rng: np.random.Generator,
    *,
    light_deg: float,
    has_nail: bool,
) -> None:
    """One finger: a round rod with a round end whose middle is `tip`, coming from beyond the picture."""
    height, width = code.shape[:2]
    far = tip - inwards * 2 * max(height, width)
    low, high = np.minimum(tip, far) - 2 * radius, np.maximum(tip, far) + 2 * radius
    left, top = (int(v) for v in np.clip(np.floor(low), 0, (width, height)))
    right, bottom = (int(v) for v in np.clip(np.ceil(high) + 1, 0, (width, height)))
    if left >= right or top >= bottom:
        return
    window = code[top:bottom, left:right]
    x = (np.arange(left, right, dtype=np.float32) - np.float32(tip[0]))[None, :] / np.float32(radius)
    y = (np.arange(top, bottom, dtype=np.float32) - np.float32(tip[1]))[:, None] / np.float32(radius)
    lamp = np.array([np.cos(np.deg2rad(light_deg)), np.sin(np.deg2rad(light_deg))], dtype=np.float32)
    shadow = np.clip((1.5 - _distance(*_framed(x + 0.3 * lamp[0], y + 0.3 * lamp[1], inwards))) / 1.0, 0, 1)
    window *= (1 - np.float32(0.28) * shadow)[..., None]
    back, across = _framed(x, y, inwards)
    distance = _distance(back, across)
    cover = np.clip((1 - distance) * np.float32(radius) + np.float32(0.5), 0, 1)[..., None]
    window += cover * (_skin(back, across, skin, lamp, rng, inwards=inwards, has_nail=has_nail) - window)


def _framed(x: Plane, y: Plane, inwards: Points) -> tuple[Plane, Plane]:
    """(back, across) of points about the tip: away from the tip towards the hand, and to its side, in radii."""
    dx, dy = np.float32(inwards[0]), np.float32(inwards[1])
    return -(x * dx + y * dy), y * dx - x * dy


def _distance(back: Plane, across: Plane) -> Plane:
    """From the finger's middle line in radii of the finger there: it thickens at the joint and towards the hand."""
    thickness = 1 + np.float32(0.12) * np.tanh(back) + np.float32(0.05) * np.exp(-np.square(back - 2.6))
    thickness += np.float32(0.15) * np.maximum(back - 3.5, 0)
    return np.asarray(np.hypot(np.minimum(back, 0), across) / thickness, dtype=np.float32)


def _skin(
    back: Plane,
    across: Plane,
    skin: Points,
    lamp: npt.NDArray[np.float32],
    rng: np.random.Generator,
    *,
    inwards: Points,
    has_nail: bool,
) -> Light:
    """Code values of the finger's lit surface; light that went into skin comes out red, so shades are warm."""
    tip_x, tip_y = np.minimum(back, 0) * np.float32(-1), across
    dx, dy = np.float32(inwards[0]), np.float32(inwards[1])
    to_x, to_y = tip_x * dx - tip_y * dy, tip_x * dy + tip_y * dx
    facing = np.sqrt(np.maximum(1 - to_x * to_x - to_y * to_y, 0))
    light = 0.25 + 0.72 * facing + 0.4 * (to_x * lamp[0] + to_y * lamp[1])
    height, width = light.shape
    light *= 1 + np.float32(0.05) * fields.unevenness(
        rng, height, width, cells=max(max(height, width) // 5, 2)
    )
    for joint in (2.4, 2.65, 2.9):
        light *= 1 - np.float32(0.16) * np.exp(-np.square((back - np.float32(joint) + 0.1 * across**2) * 14))
    light = np.clip(light, 0.05, 1.2).astype(np.float32)
    surface = np.stack(
        [np.float32(skin[c]) * light ** np.float32(power) for c, power in enumerate((0.4, 0.5, 0.53))], 2
    )
    if has_nail:
        oval = np.square((back + 0.05) / 0.72) + np.square(across / 0.62)
        nail = np.clip((1 - oval) * 6, 0, 1)
        rim = np.exp(-np.square((oval - 1) * 5)) * (back > -0.2)
        surface *= (
            1 + nail[..., None] * (np.array(NAIL, dtype=np.float32) - 1) - np.float32(0.12) * rim[..., None]
        )
    return np.asarray(surface, dtype=np.float32)
