"""A face of changed age, tone or make-up, drawn anew by the network that changed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks import features
from bonaface.attacks.complexion import is_grey
from bonaface.attacks.features import Window
from bonaface.attacks.light import Colour
from bonaface.attacks.mesh import Matrix, face_matrix
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.resynthesis import Resynthesis, draw_resynthesis, resynthesised
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, inner_mask, inner_window
from bonaface.attacks.variants import chosen_variant
from bonaface.types import Picture

VARIANTS = ("age", "tone", "makeup")
"""Wrinkles deepened and drawn, or skin smoothed; skin and hair brought to other tones; lips, lids and cheeks painted."""


@dataclass(frozen=True, slots=True)
class Ageing:
    """What happens to the skin's detail.

    Attributes:
        gain: Of the band between the two scales: above 1 ages, below 1 smooths.
        fine: Finer scale of that band (Gaussian sigma), in shares of the face's side; 0 takes all that is fine.
        coarse: Coarser scale, likewise.
        wrinkles: Depth of drawn wrinkles, in steps of uint8; 0 draws none.
    """

    gain: float
    fine: float
    coarse: float
    wrinkles: float


@dataclass(frozen=True, slots=True)
class Tone:
    """A colour shift.

    Attributes:
        luma_gain: Factor on Y'.
        cb_shift: Offset of Cb, in steps of uint8.
        cr_shift: Offset of Cr, in steps of uint8.
    """

    luma_gain: float
    cb_shift: float
    cr_shift: float


@dataclass(frozen=True, slots=True)
class Makeup:
    """Paint. Colours are code values (R, G, B) in [0, 1]; opacities in [0, 1].

    Attributes:
        lips: Colour of the lips.
        lips_opacity: Of that colour.
        lids: Colour of the lids and of the lashes' line, which is darker.
        lids_opacity: Of that colour.
        liner_opacity: Of the line.
        cheeks: Colour of the cheeks.
        cheeks_opacity: Of that colour.
    """

    lips: Colour
    lips_opacity: float
    lids: Colour
    lids_opacity: float
    liner_opacity: float
    cheeks: Colour
    cheeks_opacity: float


@dataclass(frozen=True, slots=True)
class AttributeEditParameters:
    """One edited face. Only the variant's own part counts, but smoothed skin (`ageing`) goes with make-up too.

    Attributes:
        seed: Of the wrinkles' course.
        variant: One of `VARIANTS`.
        ageing: Change of the skin's detail.
        skin: Change of the skin's tone.
        hair: Change of the hair's tone.
        makeup: The paint.
        network: What the network leaves.
        region: What it draws.
        seam: How the region is put back: alpha, poisson or pyramid, as `blended`.
    """

    seed: int
    variant: str
    ageing: Ageing
    skin: Tone
    hair: Tone
    makeup: Makeup
    network: Resynthesis
    region: InnerFace
    seam: str


def draw_attribute_edit(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> AttributeEditParameters:
    """Draws an edit; ageing and smoothing alike often.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales the edit and the network's traces.
        variant: One of `VARIANTS`; None draws one.

    Raises:
        SimulationError: If there is no such variant.
    """
    u = rng.uniform
    chosen = chosen_variant(rng, variant, species="attribute_edit", variants=VARIANTS)
    grows_old = rng.random() < 0.5 and chosen == "age"
    has_hair, has_skin = rng.random() < 0.6, rng.random() < 0.75
    head = 1.45 if chosen == "tone" else 1.0
    return AttributeEditParameters(
        seed=int(rng.integers(2**31)),
        variant=chosen,
        ageing=_draw_ageing(rng, strength, grows_old=grows_old),
        skin=_draw_tone(rng, strength * (has_skin or not has_hair), luma=0.16, chroma=6.0),
        hair=_draw_tone(rng, strength * has_hair, luma=0.4, chroma=10.0),
        makeup=_draw_makeup(rng, strength),
        network=draw_resynthesis(rng, strength=strength, network_px=(70, 160)),
        region=InnerFace(
            seed=int(rng.integers(2**31)),
            half_width=head * float(u(0.42, 0.52)),
            top=head * float(u(0.6, 0.78)),
            bottom=float(u(0.5, 0.62)),
            flatness=float(u(2.0, 3.0)),
            unevenness=float(u(0.0, 0.03)),
            edge=float(np.exp(u(np.log(0.04), np.log(0.2)))),
        ),
        seam=("alpha", "poisson", "pyramid")[int(rng.choice(3, p=[0.7, 0.15, 0.15]))],
    )


def _draw_ageing(rng: np.random.Generator, strength: float, *, grows_old: bool) -> Ageing:
    u = rng.uniform
    wrinkles, gain, smoothing = float(u(8, 22)), float(u(0.5, 1.6)), float(u(0.45, 0.85))
    fine, coarse = float(u(0.003, 0.007)), float(u(0.012, 0.03))
    if grows_old:
        return Ageing(1 + gain * strength, fine, coarse, wrinkles * strength)
    return Ageing(max(1 - smoothing * strength, 0.0), 0.0, coarse, 0.0)


def _draw_tone(rng: np.random.Generator, strength: float, *, luma: float, chroma: float) -> Tone:
    """Always a visible change: half to all of the largest one, up or down."""
    sign = rng.choice([-1.0, 1.0])
    size, cb, cr = rng.uniform([0.4, -1, -1], [1, 1, 1])
    return Tone(
        luma_gain=float(np.exp(sign * size * luma * strength)),
        cb_shift=float(cb * chroma * strength),
        cr_shift=float(cr * chroma * strength),
    )


def _draw_makeup(rng: np.random.Generator, strength: float) -> Makeup:
    u = rng.uniform
    red, dark = float(u(0.5, 0.85)), float(u(0.15, 0.55))
    return Makeup(
        lips=(red, red * float(u(0.1, 0.5)), red * float(u(0.2, 0.6))),
        lips_opacity=min(strength * float(u(0.3, 0.65)), 0.75),
        lids=(dark, dark * float(u(0.5, 1.0)), dark * float(u(0.5, 1.3))),
        lids_opacity=strength * float(u(0.1, 0.4)),
        liner_opacity=strength * float(u(0.0, 0.5)),
        cheeks=(0.9, float(u(0.4, 0.6)), float(u(0.4, 0.6))),
        cheeks_opacity=strength * float(u(0.05, 0.25)),
    )


def apply_attribute_edit(scene: Scene, parameters: AttributeEditParameters) -> Scene:
    """The scene with its face edited and drawn anew; pixels outside the mask stay to the byte.

    A grey picture stays grey.

    Raises:
        SimulationError: If the scene's landmarks do not span a face.
    """
    p = parameters
    pixels = scene.pixels.copy()
    face = face_matrix(scene)
    window = inner_window(p.region, face, scene.size)
    if not is_empty(window):
        mask = inner_mask(p.region, face, window)
        target = np.ascontiguousarray(scene.pixels[window])
        place = _Place(face, window, is_found=scene.landmarks is not None, is_coloured=not is_grey(target))
        edited = _toned(target, place, p) if p.variant == "tone" else _aged(target, place, p)
        if p.variant == "makeup":
            edited = _made_up(edited, place, p)
        edited = resynthesised(edited, features.side_of(face), p.network)
        pixels[window] = blended(edited, target, mask, seam=p.seam)
    return Scene(pixels, scene.face, scene.landmarks)


def attribute_edit_mask(scene: Scene, parameters: AttributeEditParameters) -> Plane:
    """Where `apply_attribute_edit` may change the scene: (height, width) float32 in [0, 1]."""
    mask = np.zeros(scene.size, dtype=np.float32)
    face = face_matrix(scene)
    window = inner_window(parameters.region, face, scene.size)
    if not is_empty(window):
        mask[window] = inner_mask(parameters.region, face, window)
    return mask


class _Place(NamedTuple):
    """Where the face is in the window, and what is known of both.

    Attributes:
        face: From shares of the box to the scene's pixels.
        window: Of the scene.
        is_found: Whether `face` comes from landmarks.
        is_coloured: Whether the picture has colours.
    """

    face: Matrix
    window: Window
    is_found: bool
    is_coloured: bool

    def skin(self, picture: Picture) -> Plane:
        return features.skin(picture, self.face, self.window, is_found=self.is_found)


def _aged(picture: Picture, place: _Place, p: AttributeEditParameters) -> Picture:
    """The band of the skin's detail times its gain, and wrinkles drawn into the skin."""
    side = features.side_of(place.face)
    skin = place.skin(picture)
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    fine = cv2.GaussianBlur(luma, (0, 0), p.ageing.fine * side) if p.ageing.fine * side > 0.3 else luma
    band = fine - cv2.GaussianBlur(luma, (0, 0), max(p.ageing.coarse * side, 0.5))
    change = np.float32(p.ageing.gain - 1) * band
    if p.ageing.wrinkles > 0:
        change += _wrinkles(place.face, place.window, p)
    return _plus(picture, cv2.merge([change * skin] * 3))


def _wrinkles(face: Matrix, window: Window, p: AttributeEditParameters) -> Plane:
    """Lines of the forehead, of the eyes' corners and from nose to mouth: dark, with a light brim, of zero mean."""
    rng = np.random.default_rng(p.seed)
    side, t = features.side_of(face), np.linspace(0, 1, 12)
    courses = []
    for y in np.linspace(-0.14, 0.02, int(rng.integers(2, 5))):
        ends, wave = rng.uniform([0.2, 0.6], [0.4, 0.8]), rng.uniform(0, 2 * np.pi)
        sag = 0.012 * np.sin(5 * t + wave) + 0.03 * (2 * t - 1) ** 2
        courses.append(np.stack([ends[0] + (ends[1] - ends[0]) * t, y + sag + rng.normal(0, 0.01)], axis=1))
    for sign in (-1, 1):
        fold = np.stack([0.5 + sign * (0.13 + 0.12 * t**1.5), 0.54 + rng.uniform(0.18, 0.26) * t], axis=1)
        bag = np.stack([0.5 + sign * (0.12 + 0.2 * t), 0.335 + 0.035 * np.sin(np.pi * t)], axis=1)
        courses += [fold, bag]
        for rise in rng.uniform([-0.06, -0.02, 0.03], [-0.03, 0.02, 0.06]):
            courses.append(np.stack([0.5 + sign * (0.35 + 0.09 * t), 0.27 + rise * t], axis=1))
    width = 0.006 * (0.3 + np.sin(np.pi * t))[:, None]
    bands = [np.concatenate([course + (0, 1) * width, (course - (0, 1) * width)[::-1]]) for course in courses]
    dark = features.drawn(bands, face, window, blur=0.006)
    brim = cv2.GaussianBlur(dark, (0, 0), max(0.012 * side, 0.6))
    return np.asarray((brim - dark) * np.float32(1.8 * p.ageing.wrinkles), dtype=np.float32)


def _toned(picture: Picture, place: _Place, p: AttributeEditParameters) -> Picture:
    """Skin and hair, each by its own factor and offsets."""
    coded = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    luma = np.ascontiguousarray(coded[..., 0])
    change = np.zeros_like(coded)
    for tone, where in (
        (p.skin, place.skin(picture)),
        (p.hair, features.hair(picture, place.face, place.window)),
    ):
        change[..., 0] += np.float32(tone.luma_gain - 1) * luma * where
        if place.is_coloured:
            change[..., 1] += np.float32(tone.cr_shift) * where
            change[..., 2] += np.float32(tone.cb_shift) * where
    toned = np.asarray(cv2.convertScaleAbs(np.maximum(coded + change, 0)), dtype=np.uint8)
    return np.asarray(cv2.cvtColor(toned, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _made_up(picture: Picture, place: _Place, p: AttributeEditParameters) -> Picture:
    """Paint that keeps the shading under it: each colour as bright against its region's mean as the skin was.

    Lips and lashes whose places are only guessed are taken where the picture is red or dark.
    """
    m, face, window = p.makeup, place.face, place.window
    lips, lids, lashes = (part(face, window) for part in (features.lips, features.lids, features.lashes))
    if place.is_coloured:
        lips *= 1 - features.teeth(picture, face, window)
    if not place.is_found:
        side = features.side_of(face)
        lashes *= features.dark_lines(picture, side=side, length=0.06, reach=0.02)
        lids *= cv2.GaussianBlur(
            features.dark_lines(picture, side=side, length=0.06, reach=0.1),
            (0, 0),
            max(0.015 * side, 0.5),
        )
        lips = features.red_lips(picture, face, window) if place.is_coloured else lips * 0
    rims = (0.4 * m.lids[0], 0.4 * m.lids[1], 0.4 * m.lids[2])
    for colour, opacity, where in (
        (m.cheeks, m.cheeks_opacity, features.cheeks(face, window)),
        (m.lids, m.lids_opacity, lids),
        (rims, m.liner_opacity, lashes),
        (m.lips, m.lips_opacity, lips),
    ):
        picture = _painted(picture, colour, where * np.float32(opacity), is_coloured=place.is_coloured)
    return picture


def _painted(picture: Picture, colour: Colour, weight: Plane, *, is_coloured: bool) -> Picture:
    total = float(weight.sum())
    if total < 1e-3:
        return picture
    luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    shading = luma * np.float32(total / max(float((luma * weight).sum()), 1e-3))
    shades = colour if is_coloured else (sum(colour) / 3,) * 3
    code = picture.astype(np.float32)
    paint = cv2.merge([shading * np.float32(255 * shade) for shade in shades])
    return _plus(picture, (paint - code) * weight[..., None])


def _plus(picture: Picture, change: npt.NDArray[np.float32]) -> Picture:
    return np.asarray(cv2.convertScaleAbs(np.maximum(picture + change, 0)), dtype=np.uint8)
