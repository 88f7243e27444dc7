"""Another person's face, printed, cut out along its outline and worn: flat, bent round the head, or folded."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.anatomy import anatomy
from bonaface.attacks.complexion import as_grey_as
from bonaface.attacks.layers import CutEdge, draw_paper_edge, laid_over, touched
from bonaface.attacks.light import to_picture
from bonaface.attacks.mesh import Matrix, brought_near, flat_maps, inverse, moved, warped
from bonaface.attacks.outlines import (
    FaceFrame,
    Points,
    cut_oval,
    face_frame,
    inside,
    is_empty,
    window_about,
)
from bonaface.attacks.print import PrintParameters, apply_print, draw_sheet
from bonaface.attacks.scene import Plane, Scene, face_window
from bonaface.attacks.variants import chosen_variant
from bonaface.attacks.view import View
from bonaface.types import Box, Picture

VARIANTS = ("flat", "curved", "folded", "half")
"""Stiff and held off the face; bent round the head; folded down the middle; bent, and only half of the face."""

CAMERA = 3.5
"""Distance of the camera in sides of the face: half a metre."""


@dataclass(frozen=True, slots=True)
class PaperMaskParameters:
    """One worn print. Lengths are shares of the side of the face; x runs across the face, y down to the chin.

    Attributes:
        seed: Of the scissors' wobble.
        variant: One of `VARIANTS`.
        sheet: The print, its view plain; its `light_deg` is where the light comes from.
        half_width: Of the outline.
        half_height: Of the outline.
        rise: Of the outline's centre above the middle between eyes and mouth.
        taper: By how much the outline is narrower at the chin and wider at the forehead.
        top: Nothing above this y is left of the sheet.
        bottom: Nothing below this y is left of it.
        eye_width: Half width of the eye holes; 0 leaves the printed eyes.
        eye_height: Their half height.
        snips: Straight cuts around the outline.
        wobble: Deviation of the cuts from the planned outline, as a share of its radius.
        scale: Size of the printed face over the wearer's.
        turn_deg: Its turn against the wearer's, clockwise.
        shift_x: Its shift.
        shift_y: The same downwards.
        bend: Curvature about the head's long axis (1 over the radius in sides); 0 is flat.
        fold_deg: By how much each half of a folded sheet turns back; 0 is not folded.
        shade: Share of the light that depends on how the sheet faces it, in [0, 1].
        edge: Of the paper.
    """

    seed: int
    variant: str
    sheet: PrintParameters
    half_width: float
    half_height: float
    rise: float
    taper: float
    top: float
    bottom: float
    eye_width: float
    eye_height: float
    snips: int
    wobble: float
    scale: float
    turn_deg: float
    shift_x: float
    shift_y: float
    bend: float
    fold_deg: float
    shade: float
    edge: CutEdge


def draw_paper_mask(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> PaperMaskParameters:
    """Draws a worn print; one in three has holes for the eyes.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible print, edge, bend and misfit are, not the outline.
        variant: One of `VARIANTS`; None draws one.

    Raises:
        SimulationError: If there is no such variant.
    """
    u, normal = rng.uniform, rng.normal
    chosen = chosen_variant(rng, variant, species="paper_mask", variants=VARIANTS)
    edge = draw_paper_edge(rng, strength=strength)
    lower = bool(rng.random() < 0.6)
    cut = float(u(-0.12, 0.0)) if lower else float(u(0.02, 0.14))
    bend, fold = float(u(0.7, 1.8)) * min(strength, 1.0) ** 0.5, float(u(12, 32)) * min(strength, 1.0)
    has_holes = bool(rng.random() < 1 / 3)
    return PaperMaskParameters(
        seed=int(rng.integers(2**31)),
        variant=chosen,
        sheet=replace(draw_sheet(rng, strength=strength), view=View()),
        half_width=float(u(0.4, 0.51)),
        half_height=float(u(0.57, 0.74)),
        rise=float(u(0.02, 0.1)),
        taper=float(u(0.02, 0.16)),
        top=cut if chosen == "half" and lower else -1.0,
        bottom=cut if chosen == "half" and not lower else 1.0,
        eye_width=float(u(0.09, 0.14)) if has_holes else 0.0,
        eye_height=float(u(0.04, 0.08)),
        snips=int(rng.integers(12, 48)),
        wobble=float(u(0.0, 0.05)),
        scale=1 + strength * float(normal(-0.01, 0.045)),
        turn_deg=strength * float(normal(0, 3.0)),
        shift_x=strength * float(normal(0, 0.02)),
        shift_y=strength * float(normal(0, 0.02)),
        bend=bend if chosen in {"curved", "half"} else 0.0,
        fold_deg=fold if chosen == "folded" else 0.0,
        shade=min(strength * float(u(0.3, 0.9)), 1.0),
        edge=replace(edge, shadow_reach=edge.shadow_reach * (2.0 if chosen == "flat" else 1.0)),
    )


def apply_paper_mask(scene: Scene, parameters: PaperMaskParameters, partner: Scene) -> Scene:
    """The scene's face behind the partner's on paper; pixels outside the mask stay as they are.

    Args:
        scene: Who wears it: an impostor.
        parameters: As drawn.
        partner: Whose face is on the paper, of any size and place: the person attacked. Brought onto the wearer's by
            the five points, its brightness onto the wearer's times the print's own ratio.

    Returns:
        The box moved with the paper; landmarks where both scenes have them, the partner's where paper covers.

    Raises:
        SimulationError: If either's landmarks do not span a face.
    """
    p = parameters
    pixels = scene.pixels.copy()
    worn = _Worn(face_frame(scene), p)
    flat = _outlines(scene, p)
    outlines = [worn.seen(outline) for outline in flat]
    source, to_scene = brought_near(scene, partner)
    face, landmarks = _moved_box(scene.face, worn), _landmarks(scene, source, to_scene, worn, outlines)
    window = _window(scene, flat, outlines, p)
    if is_empty(window):
        return Scene(pixels, face, landmarks)
    rows, columns = window
    behind = np.ascontiguousarray(scene.pixels[window])
    printed = _printed(source, to_scene, behind, scene.face.shifted(-columns.start, -rows.start), window, p)
    map_x, map_y, shade = worn.look(rows, columns)
    map_x, map_y = map_x - columns.start, map_y - rows.start
    seen = cv2.remap(printed, map_x, map_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    lit = to_picture(np.asarray(cv2.multiply(seen, cv2.merge([shade] * 3), scale=1 / 255, dtype=cv2.CV_32F)))
    covers = _covers(outlines, rows, columns)
    pixels[window] = laid_over(lit, behind, covers, p.edge, light_deg=p.sheet.light_deg, side=scene.face.side)
    return Scene(pixels, face, landmarks)


def paper_mask_mask(scene: Scene, parameters: PaperMaskParameters, partner: Scene) -> Plane:
    """Where the paper or its shadow lies, whoever is on it: (height, width) float32 in [0, 1]."""
    del partner
    p = parameters
    mask = np.zeros(scene.size, dtype=np.float32)
    flat, worn = _outlines(scene, p), _Worn(face_frame(scene), p)
    outlines = [worn.seen(outline) for outline in flat]
    window = _window(scene, flat, outlines, p)
    if not is_empty(window):
        covers = _covers(outlines, *window)
        mask[window] = touched(covers, p.edge, light_deg=p.sheet.light_deg, side=scene.face.side)
    return mask


def _printed(
    source: Scene,
    to_scene: Matrix,
    behind: Picture,
    face: Box,
    window: tuple[slice, slice],
    p: PaperMaskParameters,
) -> Picture:
    """The flat sheet in a window of the scene: the source's face where the wearer's is, printed.

    Args:
        source: The partner.
        to_scene: From its pixels to the scene's.
        behind: The scene's pixels in the window.
        face: The wearer's box there.
        window: Rows and columns of the scene.
        p: As drawn.
    """
    back = inverse(to_scene)
    corner = moved(np.array([[window[1].start, window[0].start]]), back)[0]
    height, width = behind.shape[:2]
    sheet = warped(source.pixels, flat_maps(np.c_[back[:, :2], corner], (height, width)))
    sheet = as_grey_as(behind, sheet)
    middle = face_window(height, width, face)
    own, other = (sum(cv2.mean(picture[middle])[:3]) for picture in (behind, sheet))
    ratio = p.sheet.exposure_ratio * max(own, 1.0) / max(other, 1.0)
    return as_grey_as(behind, apply_print(Scene(sheet, face), replace(p.sheet, exposure_ratio=ratio)).pixels)


@dataclass(frozen=True, slots=True)
class _Worn:
    """Where the flat sheet's points are seen. `frame` is the wearer's face, and the printed face's before it is worn."""

    frame: FaceFrame
    p: PaperMaskParameters

    @property
    def pose(self) -> FaceFrame:
        """The frame of the face on the paper, as it is worn."""
        p, frame = self.p, self.frame
        x, y = frame.to_pixels(np.array([p.shift_x, p.shift_y]))
        return FaceFrame((float(x), float(y)), frame.side * p.scale, frame.roll_deg + p.turn_deg)

    def seen(self, pixels: Points) -> Points:
        """Pixels (num, 2) of the flat sheet where the camera sees them."""
        across, down = self.frame.to_shares(pixels).T
        bend, fold = self.p.bend, np.deg2rad(self.p.fold_deg)
        if fold:
            x, depth = across * np.cos(fold), np.abs(across) * np.sin(fold)
        elif bend:
            angle = np.clip(across * bend, -1.4, 1.4)
            x, depth = np.sin(angle) / bend, (1 - np.cos(angle)) / bend
        else:
            x, depth = across, np.zeros_like(across)
        return self.pose.to_pixels(np.stack([x, down / (1 + depth / CAMERA)], axis=1))

    def look(self, rows: slice, columns: slice) -> tuple[Plane, Plane, Plane]:
        """For every pixel of a window the flat sheet's pixel seen there (x, y), and the shade on code values there."""
        x, y = self.pose.grid(rows, columns)
        bend, fold = np.float32(self.p.bend), np.float32(np.deg2rad(self.p.fold_deg))
        if fold:
            across, depth = x / np.cos(fold), np.abs(x) * np.tan(fold)
            turned = np.sin(fold) * np.tanh(x * np.float32(150))
        elif bend:
            turned = np.clip(x * bend, np.float32(-0.98), np.float32(0.98))
            across, depth = np.arcsin(turned) / bend, (1 - np.sqrt(1 - turned * turned)) / bend
        else:
            across, depth, turned = x, np.zeros_like(x), np.zeros_like(x)
        down = y * (1 + depth * np.float32(1 / CAMERA))
        frame = self.frame
        cos, sin = (np.float32(f(np.deg2rad(frame.roll_deg)) * frame.side) for f in (np.cos, np.sin))
        map_x = across * cos - down * sin + np.float32(frame.center[0])
        map_y = across * sin + down * cos + np.float32(frame.center[1])
        from_side = np.float32(np.cos(np.deg2rad(self.p.sheet.light_deg - self.pose.roll_deg)))
        facing = turned * from_side + np.sqrt(1 - turned * turned)
        light = 1 + np.float32(self.p.shade) * (facing - 1)
        return map_x, map_y, np.sqrt(np.maximum(light, np.float32(0.05)))


def _outlines(scene: Scene, p: PaperMaskParameters) -> list[Points]:
    """The outline of the flat sheet and those of its holes, in pixels of the picture."""
    rng, frame = np.random.default_rng(p.seed), face_frame(scene)
    outline = cut_oval(
        rng,
        center=(0.0, -p.rise),
        half_axes=(p.half_width, p.half_height),
        taper=p.taper,
        snips=p.snips,
        wobble=p.wobble,
    )
    outline[:, 1] = np.clip(outline[:, 1], p.top, p.bottom)
    outlines = [outline]
    if p.eye_width > 0:
        for x, y in frame.to_shares(anatomy(scene).points[:2]):
            center, half_axes = (float(x), float(y)), (p.eye_width, p.eye_height)
            outlines.append(cut_oval(rng, center=center, half_axes=half_axes, wobble=p.wobble))
    return [frame.to_pixels(shares) for shares in outlines]


def _window(
    scene: Scene, flat: list[Points], seen: list[Points], p: PaperMaskParameters
) -> tuple[slice, slice]:
    """All that is printed and all that the worn sheet and its shadow reach: rows and columns."""
    return window_about([flat[0], seen[0]], p.edge.reach * scene.face.side + 2, scene.size)


def _covers(outlines: list[Points], rows: slice, columns: slice) -> Plane:
    """Share of each pixel that the paper covers."""
    return inside(outlines[:1], rows, columns) * (1 - inside(outlines[1:], rows, columns))


def _moved_box(face: Box, worn: _Worn) -> Box:
    x, y = worn.seen(np.array([face.center]))[0]
    half_w, half_h = face.width / 2 * worn.p.scale, face.height / 2 * worn.p.scale
    return Box(float(x - half_w), float(y - half_h), float(x + half_w), float(y + half_h))


def _landmarks(
    scene: Scene, source: Scene, to_scene: Matrix, worn: _Worn, outlines: list[Points]
) -> npt.NDArray[np.float32] | None:
    """The partner's where paper covers them, as it is seen; elsewhere the wearer's. None unless both have some."""
    if scene.landmarks is None or source.landmarks is None:
        return None
    printed = worn.seen(moved(source.landmarks, to_scene).astype(np.float64)).astype(np.float32)

    def is_on(outline: Points, point: npt.NDArray[np.float32]) -> bool:
        return cv2.pointPolygonTest(outline.astype(np.float32), (float(point[0]), float(point[1])), False) > 0

    return np.array(
        [
            new if is_on(outlines[0], new) and not any(is_on(hole, new) for hole in outlines[1:]) else old
            for new, old in zip(printed, scene.landmarks, strict=True)
        ],
        dtype=np.float32,
    )
