"""A print with holes cut for the eyes, or for eyes and mouth, through which the person behind it is seen."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from bonaface.attacks.anatomy import anatomy
from bonaface.attacks.layers import CutEdge, draw_paper_edge, laid_over
from bonaface.attacks.light import saturation_matrix
from bonaface.attacks.outlines import (
    Points,
    cut_oval,
    face_frame,
    inside,
    is_empty,
    turn_matrix,
    window_about,
)
from bonaface.attacks.print import PrintParameters, apply_print, draw_sheet
from bonaface.attacks.scene import Plane, Scene, face_window
from bonaface.attacks.variants import chosen_variant
from bonaface.attacks.view import View, moved_points
from bonaface.types import Picture

VARIANTS = ("eyes", "eyes_mouth", "slot", "second_print")
"""Two eye holes; these and a mouth hole; one slot over both eyes; eye holes with another print moved behind them."""


@dataclass(frozen=True, slots=True)
class CutoutParameters:
    """One print with holes. Lengths are shares of the side of the face.

    Attributes:
        seed: Of the scissors' wobble and of the second print.
        variant: One of `VARIANTS`.
        sheet: The print; its `light_deg` is where the light comes from.
        hole_width: Half width of an eye hole.
        hole_height: Its half height; of the slot too.
        slot_past_eyes: How far the slot reaches past the eyes' centres.
        mouth_width: Half width of the mouth hole.
        mouth_height: Its half height.
        squareness: Of the eye holes: 1.5 is an almond, 2 an ellipse, 4 nearly a box.
        snips: Straight cuts around a hole.
        wobble: Deviation of the cuts from the planned hole, as a share of its radius.
        edge: Of the paper.
        behind_scale: Size of the face behind over that on the print.
        behind_turn_deg: Its turn against the print, clockwise.
        behind_shift_x: Its shift against the print.
        behind_shift_y: The same downwards.
        behind_light: Share of the light that reaches it.
        behind_blur_px: Softness (Gaussian sigma) of what lies behind the focused sheet, in pixels.
    """

    seed: int
    variant: str
    sheet: PrintParameters
    hole_width: float
    hole_height: float
    slot_past_eyes: float
    mouth_width: float
    mouth_height: float
    squareness: float
    snips: int
    wobble: float
    edge: CutEdge
    behind_scale: float
    behind_turn_deg: float
    behind_shift_x: float
    behind_shift_y: float
    behind_light: float
    behind_blur_px: float


def draw_cutout(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> CutoutParameters:
    """Draws a print with holes; a second print behind it is moved farther, as whoever plays blinking does.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales how visible print, edges and misfit are, not the holes.
        variant: One of `VARIANTS`; None draws one.

    Raises:
        SimulationError: If there is no such variant.
    """
    u, normal = rng.uniform, rng.normal
    chosen = chosen_variant(rng, variant, species="cutout", variants=VARIANTS)
    lift = strength * float(u(0.02, 0.06)) * float(rng.choice([-1.0, 1.0]))
    return CutoutParameters(
        seed=int(rng.integers(2**31)),
        variant=chosen,
        sheet=draw_sheet(rng, strength=strength),
        hole_width=float(u(0.1, 0.15)),
        hole_height=float(u(0.05, 0.1)),
        slot_past_eyes=float(u(0.13, 0.24)),
        mouth_width=float(u(0.19, 0.26)),
        mouth_height=float(u(0.06, 0.12)),
        squareness=float(u(1.5, 2.8)),
        snips=int(rng.integers(7, 30)),
        wobble=float(u(0.0, 0.09)),
        edge=draw_paper_edge(rng, strength=strength),
        behind_scale=1 - strength * float(u(0.0, 0.08)),
        behind_turn_deg=strength * float(normal(0, 2.0)),
        behind_shift_x=strength * float(normal(0, 0.012)),
        behind_shift_y=lift if chosen == "second_print" else strength * float(normal(0, 0.012)),
        behind_light=1 - strength * float(u(0.05, 0.45)),
        behind_blur_px=strength * float(u(0.0, 0.6)) if rng.random() < 0.5 else 0.0,
    )


def apply_cutout(scene: Scene, parameters: CutoutParameters) -> Scene:
    """The scene printed, cut and held before the same face, as `parameters` say; landmarks move with the sheet."""
    p = parameters
    height, width = scene.size
    printed = apply_print(scene, p.sheet)
    pixels, face = printed.pixels, printed.face
    landmarks = None
    if scene.landmarks is not None:
        moved = moved_points(p.sheet.view, scene.landmarks.astype(np.float64), height, width)
        landmarks = moved.astype(np.float32)
    holes = [moved_points(p.sheet.view, hole, height, width) for hole in _holes(scene, p)]
    rows, columns = window_about(holes, p.edge.reach * face.side, scene.size)
    if not is_empty((rows, columns)):
        pixels[rows, columns] = laid_over(
            np.ascontiguousarray(pixels[rows, columns]),
            _behind(scene, printed, rows, columns, p),
            1 - inside(holes, rows, columns),
            p.edge,
            light_deg=p.sheet.light_deg,
            side=face.side,
        )
    return Scene(pixels, face, landmarks)


def cutout_mask(scene: Scene, parameters: CutoutParameters) -> Plane:  # noqa: ARG001 - as every species' mask
    """All ones: the whole picture is photographed again, and through the holes in another light."""
    return np.ones(scene.size, dtype=np.float32)


def _holes(scene: Scene, p: CutoutParameters) -> list[Points]:
    """Outlines of the holes in pixels of the flat sheet."""
    rng = np.random.default_rng(p.seed)
    frame, points = face_frame(scene), anatomy(scene).points
    right, left, _, *mouth = frame.to_shares(points)

    def hole(center: Points, half_axes: tuple[float, float], squareness: float) -> Points:
        oval = cut_oval(
            rng,
            center=(float(center[0]), float(center[1])),
            half_axes=half_axes,
            squareness=squareness,
            snips=p.snips,
            wobble=p.wobble,
        )
        return frame.to_pixels(oval)

    if p.variant == "slot":
        half = float(np.linalg.norm(left - right)) / 2 + p.slot_past_eyes
        return [hole((left + right) / 2, (half, p.hole_height), 2 * p.squareness)]
    holes = [hole(eye, (p.hole_width, p.hole_height), p.squareness) for eye in (right, left)]
    if p.variant == "eyes_mouth":
        holes.append(hole((mouth[0] + mouth[1]) / 2, (p.mouth_width, p.mouth_height), 2.0))
    return holes


def _behind(scene: Scene, printed: Scene, rows: slice, columns: slice, p: CutoutParameters) -> Picture:
    """The window's part of what lies behind the sheet: the face itself, or another print of it."""
    height, width = scene.size
    part = face_window(height, width, scene.face.squared(0.15))
    corner = (part[1].start, part[0].start)
    person = np.ascontiguousarray(scene.pixels[part])
    if p.variant == "second_print":
        own = replace(p.sheet, seed=p.seed, view=View(), gloss=0.0)
        person = apply_print(Scene(person, scene.face.shifted(-corner[0], -corner[1])), own).pixels
    middle = np.asarray(face_frame(scene).center)
    target = moved_points(p.sheet.view, middle[None], height, width)[0]
    target += np.array([p.behind_shift_x, p.behind_shift_y]) * scene.face.side
    scale = printed.face.side / scene.face.side * p.behind_scale
    matrix = scale * turn_matrix(p.sheet.view.rotation_deg + p.behind_turn_deg)
    offset = target - (columns.start, rows.start) - matrix @ (middle - corner)
    seen = cv2.warpAffine(
        person,
        np.c_[matrix, offset],
        (columns.stop - columns.start, rows.stop - rows.start),
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    if p.behind_blur_px >= 0.2:
        seen = cv2.GaussianBlur(seen, (0, 0), p.behind_blur_px)
    factors = np.full(3, np.sqrt(p.behind_light))
    if p.variant != "second_print":  # which was exposed for and balanced as it was printed
        factors *= np.asarray(p.sheet.cast) * p.sheet.exposure_ratio
    camera = np.diag(factors) @ saturation_matrix(p.sheet.saturation**0.5)
    return np.asarray(cv2.transform(seen, camera.astype(np.float32)), dtype=np.uint8)
