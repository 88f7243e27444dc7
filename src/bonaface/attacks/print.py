"""A photograph printed on paper and photographed again."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from bonaface.attacks import fields
from bonaface.attacks.fingers import Fingers, draw_fingers, held
from bonaface.attacks.folds import Folds, draw_folds, folded
from bonaface.attacks.light import (
    Light,
    blob,
    covered,
    expose,
    mix_channels,
    saturation_matrix,
    slope,
    surroundings,
    to_picture,
)
from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane, Scene, face_window
from bonaface.attacks.variants import kind_of, variant_at
from bonaface.attacks.view import View, draw_view, look, moved_box, moved_points, source_maps
from bonaface.types import Box, Picture

INK_ANGLES_DEG = (15.0, 75.0, 0.0, 45.0)
"""Usual screen angles of cyan, magenta, yellow and black."""


@dataclass(frozen=True, slots=True)
class PrintParameters:
    """One printed and recaptured photograph.

    Attributes:
        seed: Of the paper's grain and the printer's unevenness.
        view: The recapturing camera's view of the sheet.
        black: Code value of the darkest ink, in [0, 1].
        paper: Code values of the blank paper (R, G, B), in [0, 1].
        saturation: Colour left by the inks' gamut; 1 is all.
        gamma: Of the printed tone; above 1 prints darker middle tones.
        cast: Factors of the camera's white balance on code values (R, G, B).
        exposure_ratio: Mean code value in the face box over that of the input, clipping aside.
        dot_contrast: Height of the halftone dots in code values, at half coverage; 0 hides them.
        dot_pitch_px: Distance between dots, in pixels.
        screen_deg: Turn of all halftone screens together.
        black_share: Share of grey that the printer lays down as black ink.
        speckle: Deviation of an ink jet's scattered droplets in code values, at half coverage.
        speckle_px: Their size (blur), in pixels.
        banding: Deviation of the print head's stripes, as a share of the light.
        banding_is_vertical: Whether the stripes run from top to bottom.
        paper_grain: Deviation of the paper's own texture, as a share of the light.
        paper_grain_px: Size (blur) of that texture, in pixels.
        mottle: Deviation of slow unevenness, as a share of the light.
        light_slope: Rise of the light across the sheet.
        light_deg: Direction of that rise.
        gloss: Light added at the middle of the sheen, where 1 is full white.
        gloss_x: Its centre, as a share of the width.
        gloss_y: Its centre, as a share of the height.
        gloss_radius: Its longer radius, as a share of the longer side.
        gloss_aspect: Shorter radius over longer, in (0, 1].
        gloss_deg: Turn of the sheen.
        blur_px: Softness of print and lens together (Gaussian sigma), in pixels.
        margin: Width of the blank paper round the photograph, as a share of the longer side; 0 is a borderless print.
        desk: Code values (R, G, B) of what lies behind the sheet.
        trim: Share of the room between the face and the picture's left, top, right and bottom edge that was cut off.
        folds: Creases of the sheet.
        fingers: What holds it. Margin, desk, trim and fingers show only where the view does not fill the frame.
        weave: Depth of a canvas's threads, as a share of the light; 0 is paper.
        weave_pitch_px: Distance between threads, in pixels.
    """

    seed: int
    view: View
    black: float
    paper: tuple[float, float, float]
    saturation: float
    gamma: float
    cast: tuple[float, float, float]
    exposure_ratio: float
    dot_contrast: float
    dot_pitch_px: float
    screen_deg: float
    black_share: float
    speckle: float
    speckle_px: float
    banding: float
    banding_is_vertical: bool
    paper_grain: float
    paper_grain_px: float
    mottle: float
    light_slope: float
    light_deg: float
    gloss: float
    gloss_x: float
    gloss_y: float
    gloss_radius: float
    gloss_aspect: float
    gloss_deg: float
    blur_px: float
    margin: float
    desk: tuple[float, float, float]
    trim: tuple[float, float, float, float]
    folds: Folds
    fingers: Fingers
    weave: float
    weave_pitch_px: float


VARIANTS = ("copier", "canvas", "laser", "mixed", "inkjet", "photo")
"""Grey toner with coarse dots or stray specks; a poster on woven canvas; halftone dots, dots with droplets, droplets, and a
photo print with neither."""

KINDS = {
    "laser": (0.0, 0.35), "mixed": (0.35, 0.45), "inkjet": (0.45, 0.75), "photo": (0.75, 1.0),
    "copier": (1.0, 1.1), "canvas": (1.1, 1.2),
}  # fmt: skip
"""The share of all prints that each variant has, as a range of one draw."""


def draw_print(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> PrintParameters:
    """Draws a print: a laser's halftone, an ink jet's droplets, a copy in grey, a canvas, or a photo print.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible the traces are.
        variant: One of `VARIANTS`; drawn when None.

    Raises:
        SimulationError: If there is no such variant.
    """
    return _drawn(rng, strength, kind_of(rng.random(), variant, species="print", kinds=KINDS))


def draw_sheet(rng: np.random.Generator, *, strength: float = 1.0) -> PrintParameters:
    """Draws a print on plain paper, in colour, to be cut or worn; as `draw_print` otherwise."""
    return _drawn(rng, strength, rng.random())


def _drawn(rng: np.random.Generator, strength: float, kind: float) -> PrintParameters:
    u = rng.uniform
    variant = variant_at(kind, KINDS)
    is_copy, is_canvas = variant == "copier", variant == "canvas"
    # a copier has either, or both
    has_dots = variant in {"laser", "mixed"} or (is_copy and kind < 1.07)
    has_speckle = variant in {"mixed", "inkjet"} or (is_copy and kind > 1.05)
    shows_edge = bool(rng.random() < 0.25)
    is_held, is_folded = rng.random() < 0.55, rng.random() < 0.25
    left, top, right, bottom = (max(float(v), 0.0) for v in u(-0.5, 1.0, 4))
    warm = float(rng.normal(0, 0.025))
    return PrintParameters(
        seed=int(rng.integers(2**31)),
        view=draw_view(rng, strength=strength, shows_edge=shows_edge),
        black=float(u(0.04, 0.2)) * strength,
        paper=(float(u(0.93, 1.0)), float(u(0.92, 0.98)), float(u(0.86, 1.0))),
        saturation=(1 - strength * float(u(0.03, 0.34))) * (not is_copy),
        gamma=float(np.exp(u(-0.22, 0.22))),
        cast=(1 + warm, 1 + float(rng.normal(0, 0.012)), 1 - 1.3 * warm),
        exposure_ratio=float(np.exp(u(-0.16, 0.16))),
        dot_contrast=strength * float(u(0.03, 0.16)) if has_dots else 0.0,
        dot_pitch_px=float(np.exp(u(np.log(1.7), np.log(4.6)))),
        screen_deg=float(u(-8, 8)),
        black_share=1.0 if is_copy else float(u(0.2, 0.8)),
        speckle=strength * float(u(0.01, 0.04)) if has_speckle else 0.0,
        speckle_px=float(u(0.0, 0.8)),
        banding=strength * float(u(0.004, 0.022)) if rng.random() < 0.5 else 0.0,
        banding_is_vertical=bool(rng.random() < 0.5),
        paper_grain=strength * float(u(0.008, 0.035)),
        paper_grain_px=float(u(0.4, 1.1)),
        mottle=strength * float(u(0.0, 0.025)),
        light_slope=strength * float(u(0.0, 0.35)),
        light_deg=float(u(0, 360)),
        gloss=strength * float(u(0.04, 0.22)) if rng.random() < 0.35 else 0.0,
        gloss_x=float(u(-0.1, 1.1)),
        gloss_y=float(u(-0.1, 1.1)),
        gloss_radius=float(u(0.2, 0.7)),
        gloss_aspect=float(u(0.25, 0.8)),
        gloss_deg=float(u(0, 180)),
        blur_px=strength * float(u(0.25, 1.0)) if rng.random() < 0.8 else 0.0,
        margin=float(u(0.01, 0.1)) if rng.random() < 0.7 else 0.0,
        desk=surroundings(rng),
        trim=(left, top, right, bottom) if shows_edge else (0.0, 0.0, 0.0, 0.0),
        folds=draw_folds(rng, strength=strength) if is_folded else Folds(),
        fingers=draw_fingers(rng, strength=strength) if shows_edge and is_held else Fingers(),
        weave=strength * float(u(0.02, 0.08)) if is_canvas else 0.0,
        weave_pitch_px=float(np.exp(u(np.log(2.2), np.log(7)))) if is_canvas else 4.0,
    )


def apply_print(scene: Scene, parameters: PrintParameters) -> Scene:
    """The scene printed on paper and photographed again, as `parameters` say.

    The face's mean brightness follows `exposure_ratio` alone, so tone does not give the attack away.
    """
    p = parameters
    height, width = scene.size
    rng = np.random.default_rng(p.seed)
    maps = source_maps(p.view, height, width)
    pixels = _sheet(scene.pixels, rng, p)
    light, wear = slope(height, width, angle_deg=p.light_deg, amount=p.light_slope), None
    if p.folds.wear:
        maps, shade, wear = folded(p.folds, maps, rng, light_deg=p.light_deg)
        light *= shade
    shading = np.sqrt(light)
    sheet = look(pixels, maps)
    code = np.asarray(cv2.multiply(sheet, cv2.merge([shading] * 3), scale=1 / 255, dtype=cv2.CV_32F))
    if wear is not None:
        code = covered(code, p.paper, wear)
    face = moved_box(p.view, scene.face, height, width)
    if not p.view.fills_frame:
        code = _on_desk(code, maps, scene, rng, p)
        _hold(code, scene, face, rng, p)
    if p.blur_px >= 0.2:
        cv2.GaussianBlur(code, (0, 0), p.blur_px, dst=code)
    if p.gloss > 0:
        sheen = np.float32(p.gloss) * blob(
            height,
            width,
            center=(p.gloss_x, p.gloss_y),
            radius=(p.gloss_radius, p.gloss_radius * p.gloss_aspect),
            angle_deg=p.gloss_deg,
            hardness=1.0,
        )
        glossy = cv2.add(cv2.multiply(code, code), cv2.merge([sheen, sheen, sheen]), dst=code)
        code = np.sqrt(glossy, out=code)
    return expose(scene, code, face, ratio=p.exposure_ratio, cast=p.cast)


def _sheet(pixels: Picture, rng: np.random.Generator, p: PrintParameters) -> Picture:
    """The flat sheet under even light: inks, dots, droplets, paper, texture and stripes."""
    height, width = pixels.shape[:2]
    ink = _printed(pixels, p)
    if p.dot_contrast > 0 or p.speckle > 0:
        planes = [cv2.extractChannel(ink, channel) for channel in range(3)]
        if p.dot_contrast > 0:
            planes = _halftone(planes, p)
        if p.speckle > 0:
            planes = _droplets(planes, rng, p)
        ink = np.asarray(cv2.merge(planes), dtype=np.float32)
    paper = np.asarray(p.paper, dtype=np.float32)
    code = mix_channels(ink, np.c_[np.diag((1 - p.black) * paper), p.black * paper])
    texture = _texture(rng, height, width, p)
    return to_picture(cv2.multiply(code, cv2.merge([texture, texture, texture])))


def _printed(pixels: Picture, p: PrintParameters) -> Light:
    """Code values in [0, 1] after the inks' gamut and tone, before paper: 0 is full ink, 1 blank."""
    curve = (np.arange(256, dtype=np.float32) / 255) ** np.float32(p.gamma)
    code = np.asarray(cv2.LUT(pixels, curve), dtype=np.float32)
    return np.clip(mix_channels(code, saturation_matrix(p.saturation)), 0, 1)


def _coverage(planes: list[Plane], black_share: float) -> list[Plane]:
    """Ink of cyan, magenta, yellow and black, each in [0, 1], after grey component replacement."""
    black = np.float32(black_share) * (1 - np.maximum(np.maximum(planes[0], planes[1]), planes[2]))
    return [1 - plane - black for plane in planes] + [black]


def _halftone(planes: list[Plane], p: PrintParameters) -> list[Plane]:
    """Adds each ink's dot screen, tone kept: the first harmonic of round dots, highest at half coverage."""
    dots = []
    for ink, angle_deg in zip(_coverage(planes, p.black_share), INK_ANGLES_DEG, strict=True):
        screen = _screen(
            ink.shape[0], ink.shape[1], pitch_px=p.dot_pitch_px, angle_deg=angle_deg + p.screen_deg
        )
        dots.append(screen * (ink * (1 - ink)) * np.float32(2 * p.dot_contrast))
    return [np.clip(plane - dot - dots[3], 0, 1) for plane, dot in zip(planes, dots[:3], strict=True)]


def _screen(height: int, width: int, *, pitch_px: float, angle_deg: float) -> Plane:
    """A square lattice of dots in [-2, 2]: the sum of two waves at right angles, each written as outer products."""
    angle = np.deg2rad(angle_deg)
    fx, fy = 2 * np.pi / pitch_px * np.cos(angle), 2 * np.pi / pitch_px * np.sin(angle)
    x, y = np.arange(width), np.arange(height)
    rows = np.stack([np.cos(fy * y), -np.sin(fy * y), np.cos(fx * y), np.sin(fx * y)], axis=1)
    columns = np.stack([np.cos(fx * x), np.sin(fx * x), np.cos(fy * x), np.sin(fy * x)])
    return times(rows.astype(np.float32), columns.astype(np.float32))


def _droplets(planes: list[Plane], rng: np.random.Generator, p: PrintParameters) -> list[Plane]:
    """Adds the scatter of an ink jet's droplets, strongest at half coverage; the inks scatter independently."""
    scattered: list[Plane] = []
    for plane in planes:
        own = fields.grain(rng, *plane.shape, sigma_px=p.speckle_px) * (plane * (1 - plane))
        own *= np.float32(4 * p.speckle)
        own += plane
        scattered.append(np.clip(own, 0, 1, out=own))
    return scattered


def _texture(rng: np.random.Generator, height: int, width: int, p: PrintParameters) -> Plane:
    """What the sheet's surface does to its code values: texture, mottle, threads and the print head's stripes, about 1.

    Shares of light are halved, as code values are roots of light.
    """
    surface = np.float32(0.5 * p.paper_grain) * fields.grain(rng, height, width, sigma_px=p.paper_grain_px)
    surface += np.float32(0.5 * p.mottle) * fields.unevenness(rng, height, width, cells=6)
    if p.weave > 0:
        threads = _screen(height, width, pitch_px=p.weave_pitch_px, angle_deg=p.screen_deg)
        surface += np.float32(0.25 * p.weave) * threads
    if p.banding > 0:
        length = width if p.banding_is_vertical else height
        stripes = np.convolve(rng.standard_normal(length + 4), [0.25, 0.5, 0.5, 0.5, 0.25], mode="valid")
        stripes = (1 + 0.5 * p.banding * stripes).astype(np.float32)
        surface += stripes[None, :] if p.banding_is_vertical else stripes[:, None]
        return surface
    surface += 1
    return surface


def _photograph(scene: Scene, p: PrintParameters) -> Box:
    """What is left of the picture after trimming; at least a narrow rim round the face stays."""
    height, width = scene.size
    face = scene.face.squared(0.12)
    left, top, right, bottom = p.trim
    return Box(
        -0.5 + left * max(face.x1, 0.0),
        -0.5 + top * max(face.y1, 0.0),
        width - 0.5 - right * max(width - face.x2, 0.0),
        height - 0.5 - bottom * max(height - face.y2, 0.0),
    )


def _on_desk(
    code: Light, maps: tuple[Plane, Plane], scene: Scene, rng: np.random.Generator, p: PrintParameters
) -> Light:
    """Puts blank paper round the photograph, and the desk round the paper, darker where the sheet shades it."""
    height, width = scene.size
    kept = _photograph(scene, p)
    past = np.maximum(
        np.maximum(np.float32(kept.x1) - maps[0], maps[0] - np.float32(kept.x2)),
        np.maximum(np.float32(kept.y1) - maps[1], maps[1] - np.float32(kept.y2)),
    )
    margin = np.float32(p.margin * max(height, width))
    code = covered(code, p.paper, np.clip(past + np.float32(0.5), 0, 1))
    past -= margin
    shade = 1 + np.float32(0.06) * fields.unevenness(rng, height, width, cells=5)
    shade -= np.float32(0.3) * np.exp(np.maximum(past, 0) * np.float32(-30 / max(height, width)))
    desk = cv2.merge([shade * np.float32(colour) for colour in p.desk])
    weight = np.clip(past + np.float32(0.5), 0, 1)
    return np.asarray(cv2.blendLinear(code, desk, 1 - weight, weight), dtype=np.float32)


def _hold(code: Light, scene: Scene, face: Box, rng: np.random.Generator, p: PrintParameters) -> None:
    """Lays the fingers over the edges of the sheet, in place."""
    height, width = scene.size
    kept, margin = _photograph(scene, p), p.margin * max(height, width)
    x1, y1, x2, y2 = kept.x1 - margin, kept.y1 - margin, kept.x2 + margin, kept.y2 + margin
    corners = np.array([[x1, y1], [x2, y1], [x2, y2], [x1, y2]])
    red, green, blue, _ = cv2.mean(scene.pixels[face_window(height, width, scene.face)])
    held(
        code,
        p.fingers,
        rng,
        corners=moved_points(p.view, corners, height, width),
        face=face,
        own=(red / 255, green / 255, blue / 255),
        light_deg=p.light_deg,
    )
