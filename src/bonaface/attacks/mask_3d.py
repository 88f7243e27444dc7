"""A mask with a face's shape, worn: latex, moulded plastic, silicone, varnished resin, sandstone print or clear plastic.

This is the weakest of the simulations. It works on the surface of one picture: skin loses its texture and its own
colours, a rough average relief answers one lamp, openings and outline get edges. It does not change the shape of the
face, has no parallax and no stillness, and knows no real mask's material. A detector that finds these has not shown
that it finds real masks: only pictures of real ones can show that.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.anatomy import anatomy
from bonaface.attacks.complexion import as_grey_as
from bonaface.attacks.features import alike, drawn, oval
from bonaface.attacks.layers import FAINTEST, CutEdge, laid_over, softened, touched
from bonaface.attacks.light import Light, to_picture
from bonaface.attacks.materials import MATERIALS, Range
from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.outlines import Points, cut_oval, face_frame, inside, is_empty, window_about
from bonaface.attacks.relief import Lamp, lit, on_picture, relief, ripple
from bonaface.attacks.scene import Plane, Scene, face_window
from bonaface.attacks.variants import chosen_variant
from bonaface.types import Box, Picture

VARIANTS = tuple(MATERIALS)
"""Matt, loose and creased; thin, moulded and painted; soft and fitted, its outline blended; hard and varnished; powdery
and matt; clear plastic over the real skin."""


_SKIN_DEVIATIONS = (55, 10, 10)
"""Of the likeness with the cheeks, in steps of uint8 of Y', Cr and Cb."""


@dataclass(frozen=True, slots=True)
class Mask3dParameters:
    """One worn mask. Lengths are shares of the side of the face.

    Attributes:
        seed: Of the outlines' wobble, the grain and the ripple.
        variant: One of `VARIANTS`.
        half_width: Of the outline.
        half_height: Of the outline.
        rise: Of the outline's centre above the middle between eyes and mouth.
        taper: By how much the outline is narrower at the chin and wider at the forehead.
        wobble: Deviation of all outlines from ovals, as a share of their radius.
        fade: Softness (Gaussian sigma) of the outer edge; 0 is cut.
        eye_width: Half width of the eye holes.
        eye_height: Their half height.
        mouth_width: Half width of the mouth's opening; 0 is a closed mouth.
        mouth_height: Its half height.
        opacity: Share that the mask hides of hair, cap and wall under it, in [0, 1]; they take the skin's mean colour.
        smooth_contrast: Detail of less contrast than this, in code values of [0, 1], is lost; 0 keeps all.
        flat_colour: Share of the skin's changes of colour that is lost, in [0, 1].
        flat_tone: Share of the changes of brightness within a tenth of the face that is lost, in [0, 1].
        flat_light: Share of the slower changes of brightness that is lost, in [0, 1].
        saturation: Factor on the distance from grey.
        tint: Factors on code values (R, G, B).
        exposure_ratio: Mean code value of the mask's matt surface over that of the skin.
        grain: Deviation of the surface's grain, as a share of the code value.
        gloss: Light added at the middle of the highlights, where 1 is full white.
        sharpness: Of the highlights: Blinn's exponent.
        ripple: Deviation of the unevenness of the surface.
        shade: Weight of the mask's own shape in the shading, in [0, 1].
        lamp: Where the light comes from.
        edge: Of outline and openings.
    """

    seed: int
    variant: str
    half_width: float
    half_height: float
    rise: float
    taper: float
    wobble: float
    fade: float
    eye_width: float
    eye_height: float
    mouth_width: float
    mouth_height: float
    opacity: float
    smooth_contrast: float
    flat_colour: float
    flat_tone: float
    flat_light: float
    saturation: float
    tint: tuple[float, float, float]
    exposure_ratio: float
    grain: float
    gloss: float
    sharpness: float
    ripple: float
    shade: float
    lamp: Lamp
    edge: CutEdge


def draw_mask_3d(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> Mask3dParameters:
    """Draws a mask of one material.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible surface, highlights and edges are, not the openings.
        variant: One of `VARIANTS`; None draws one.

    Raises:
        SimulationError: If there is no such variant.
    """
    chosen = chosen_variant(rng, variant, species="mask_3d", variants=VARIANTS)
    material = MATERIALS[chosen]

    def u(limits: Range) -> float:
        return float(rng.uniform(*limits))

    def share(limits: Range) -> float:
        return min(strength * u(limits), 1.0)

    warm = strength * float(rng.normal(0, 0.02))
    edge = CutEdge(
        core=u(material.core),
        core_opacity=share(material.core_opacity),
        core_width=u(material.core_width),
        relief=strength * float(rng.normal(0, 0.12)),
        relief_width=u((0.01, 0.03)),
        shadow=share(material.shadow),
        shadow_reach=u(material.shadow_reach),
        shadow_softness=u((0.004, 0.02)),
    )
    return Mask3dParameters(
        seed=int(rng.integers(2**31)),
        variant=chosen,
        half_width=u(material.half_width),
        half_height=u(material.half_height),
        rise=u((0.02, 0.1)),
        taper=u((0.06, 0.2)),
        wobble=u((0.0, 0.03)),
        fade=u(material.fade),
        eye_width=u(material.eye_width),
        eye_height=u(material.eye_height),
        mouth_width=u(material.mouth_width),
        mouth_height=u(material.mouth_height),
        opacity=u(material.opacity),
        smooth_contrast=strength * u(material.smooth_contrast),
        flat_colour=share(material.flat_colour),
        flat_tone=share(material.flat_tone),
        flat_light=share(material.flat_light),
        saturation=1 + strength * (u(material.saturation) - 1),
        tint=(1 + warm, 1 + strength * float(rng.normal(0, 0.012)), 1 - warm),
        exposure_ratio=float(np.exp(strength * rng.uniform(-0.16, 0.16))),
        grain=strength * u(material.grain),
        gloss=strength * u(material.gloss),
        sharpness=u(material.sharpness),
        ripple=u(material.ripple),
        shade=share(material.shade),
        lamp=Lamp(from_deg=float(rng.normal(-90, 45)), height_deg=u((35.0, 75.0))),
        edge=edge,
    )


def apply_mask_3d(scene: Scene, parameters: Mask3dParameters) -> Scene:
    """The scene's face under a mask; box and landmarks stay, and so do all pixels outside the mask."""
    p = parameters
    pixels = scene.pixels.copy()
    outlines = _outlines(scene, p)
    window = _window(scene, outlines, p)
    if is_empty(window):
        return Scene(pixels, scene.face, scene.landmarks)
    skin = np.ascontiguousarray(scene.pixels[window])
    covers = _covers(scene, outlines, window, p)
    rng = np.random.default_rng([p.seed, 1])
    surface = _surface(
        _hidden(skin, scene, window, p), scene.face.shifted(-window[1].start, -window[0].start), rng, p
    )
    frame = face_frame(scene)
    nose = frame.to_shares(anatomy(scene).points[2:3])[0]
    height = relief((float(nose[0]), float(nose[1])), ripple(rng, p.ripple))
    matt, mirrored = lit(height, p.lamp, roll_deg=frame.roll_deg, sharpness=p.sharpness)
    shading = on_picture(np.sqrt(np.maximum(1 + p.shade * (matt - 1), 0.05)), frame, *window)
    code = np.asarray(cv2.multiply(surface, cv2.merge([shading] * 3)), dtype=np.float32)
    if p.gloss > 0:
        light = np.float32(p.gloss) * on_picture(mirrored, frame, *window)
        code = np.sqrt(cv2.add(cv2.multiply(code, code), cv2.merge([light] * 3)))
    pixels[window] = laid_over(
        as_grey_as(skin, to_picture(code)),
        skin,
        covers,
        p.edge,
        light_deg=p.lamp.from_deg,
        side=scene.face.side,
    )
    return Scene(pixels, scene.face, scene.landmarks)


def mask_3d_mask(scene: Scene, parameters: Mask3dParameters) -> Plane:
    """Where the mask or its shadow lies: (height, width) float32 in [0, 1]."""
    p = parameters
    mask = np.zeros(scene.size, dtype=np.float32)
    outlines = _outlines(scene, p)
    window = _window(scene, outlines, p)
    if not is_empty(window):
        covers = _covers(scene, outlines, window, p)
        mask[window] = touched(covers, p.edge, light_deg=p.lamp.from_deg, side=scene.face.side)
    return mask


def _hidden(skin: Picture, scene: Scene, window: tuple[slice, slice], p: Mask3dParameters) -> Picture:
    """The face as the mask was made after it: around brows, eyes and mouth all that is no skin has skin's colour."""
    if p.opacity <= 0:
        return skin
    face = face_matrix(scene)
    seed = drawn([oval(x, 0.5, 0.1, 0.09) for x in (0.24, 0.5, 0.76)], face, window, blur=0.0)
    features = drawn(
        [oval(0.5, 0.5, 0.36, 0.42)] + [oval(x, 0.15, 0.15, 0.07) for x in (0.26, 0.74)],
        face,
        window,
        blur=0.03,
    )
    other = softened(1 - alike(skin, seed, deviations=_SKIN_DEVIATIONS), 0.03 * scene.face.side)
    weight = np.clip(np.float32(2.5 * p.opacity) * other - np.float32(0.25), 0, p.opacity) * (1 - features)
    mean = cv2.mean(skin, (seed > 0.5).astype(np.uint8))[:3]
    flat = np.empty_like(skin)
    flat[:] = np.rint(mean)
    return np.asarray(cv2.blendLinear(flat, skin, weight, 1 - weight), dtype=np.uint8)


def _surface(skin: Picture, face: Box, rng: np.random.Generator, p: Mask3dParameters) -> Light:
    """Code values of the mask before its own light: smooth, of one colour, evenly bright."""
    code = skin.astype(np.float32) / np.float32(255)
    if p.smooth_contrast > 0:
        code = _smoothed(code, 0.025 * face.side, p.smooth_contrast)
    tone, *colours = cv2.split(cv2.cvtColor(code, cv2.COLOR_RGB2YCrCb))
    height, width = tone.shape
    middle = face_window(height, width, face.squared(-0.2))
    slow = softened(tone, 0.1 * face.side)
    tone = (1 - p.flat_tone) * tone + (p.flat_tone - p.flat_light) * slow
    tone += np.float32(p.flat_light * slow[middle].mean())
    keep = p.saturation * (1 - p.flat_colour)
    shifts = [0.5 + p.saturation * (mean - 0.5) - keep * mean for mean in (c[middle].mean() for c in colours)]
    colours = [plane * keep + np.float32(shift) for plane, shift in zip(colours, shifts, strict=True)]
    code = cv2.cvtColor(cv2.merge([tone, *colours]), cv2.COLOR_YCrCb2RGB)
    if p.grain > 0:
        grain = 1 + np.float32(p.grain) * fields.grain(rng, height, width, sigma_px=0.6)
        code = cv2.multiply(code, cv2.merge([grain] * 3))
    factors = [p.exposure_ratio * factor for factor in p.tint]
    return np.clip(np.asarray(cv2.multiply(code, (*factors, 0.0)), dtype=np.float32), 0, 1)


def _smoothed(code: Light, radius_px: float, contrast: float) -> Light:
    """A guided filter with itself as the guide: keeps edges, loses detail of less contrast.

    Reference: He, Sun, Tang, Guided Image Filtering, ECCV 2010; radius and epsilon = contrast squared as there.
    """
    width = 2 * round(min(max(radius_px, 1), max(code.shape))) + 1

    def mean(plane: Light) -> Light:
        return np.asarray(
            cv2.blur(plane, (width, width), borderType=cv2.BORDER_REFLECT_101), dtype=np.float32
        )

    middle = mean(code)
    spread = np.maximum(mean(np.square(code)) - middle * middle, 0)
    slope = np.asarray(spread / (spread + np.float32(contrast**2)), dtype=np.float32)
    return mean(slope) * code + mean(middle - slope * middle)


def _outlines(scene: Scene, p: Mask3dParameters) -> list[Points]:
    """The mask's outline and those of its openings, in pixels of the picture."""
    rng = np.random.default_rng(p.seed)
    frame = face_frame(scene)
    right, left, _, *mouth = frame.to_shares(anatomy(scene).points)
    outlines = [
        cut_oval(
            rng,
            center=(0.0, -p.rise),
            half_axes=(p.half_width, p.half_height),
            taper=p.taper,
            snips=48,
            wobble=p.wobble,
        )
    ]
    openings = [(right, (p.eye_width, p.eye_height)), (left, (p.eye_width, p.eye_height))]
    if p.mouth_width > 0:
        openings.append(((mouth[0] + mouth[1]) / 2, (p.mouth_width, p.mouth_height)))
    for (x, y), half_axes in openings:
        outlines.append(
            cut_oval(rng, center=(float(x), float(y)), half_axes=half_axes, squareness=1.8, wobble=p.wobble)
        )
    return [frame.to_pixels(outline) for outline in outlines]


def _window(scene: Scene, outlines: list[Points], p: Mask3dParameters) -> tuple[slice, slice]:
    return window_about(outlines[:1], (p.edge.reach + 4 * p.fade) * scene.face.side + 2, scene.size)


def _covers(scene: Scene, outlines: list[Points], window: tuple[slice, slice], p: Mask3dParameters) -> Plane:
    """Share of each pixel that the mask covers."""
    whole = inside(outlines[:1], *window)
    if p.fade > 0:
        whole = softened(whole, p.fade * scene.face.side)
        whole = np.where(whole < FAINTEST, np.float32(0), whole)
    return np.asarray(np.minimum(whole, 1) * (1 - inside(outlines[1:], *window)), dtype=np.float32)
