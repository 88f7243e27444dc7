"""A face driven by somebody's motion: brows, lids, mouth and head move, and a network draws what moved anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from bonaface.attacks.mesh import Matrix, chained, face_matrix
from bonaface.attacks.motion import Motion, shifted, warp_of
from bonaface.attacks.mouth import Mouth, draw_mouth, on_lip_line, opened
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.resynthesis import Resynthesis, draw_resynthesis, resynthesised
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, inner_mask, inner_window
from bonaface.attacks.variants import chosen_variant

VARIANTS = ("avatar", "gaze", "expression", "talking", "pose")
"""The whole head drawn anew for a face that moves little; the eyes alone; brows, lids and mouth within the inner face; the
mouth alone, as lip synchronisation pastes a lower face; the whole head turned, its surroundings bent along."""


@dataclass(frozen=True, slots=True)
class ReenactmentParameters:
    """One driven face. Lengths are shares of the face box.

    Attributes:
        variant: One of `VARIANTS`.
        motion: What moves, and by how much.
        mouth: What is seen between the lips.
        ghost: Weight of the frame before, in [0, 1].
        ghost_lag: Share of the motion that it lacks, in [0, 1].
        network: What the network leaves.
        region: What it draws, about the middle of the box moved down by `region_y`.
        region_y: In shares of the box.
        seam: How the region is put back: alpha, poisson or pyramid, as `blended`.
    """

    variant: str
    motion: Motion
    mouth: Mouth
    ghost: float
    ghost_lag: float
    network: Resynthesis
    region: InnerFace
    region_y: float
    seam: str


class _Kind(NamedTuple):
    """How a variant draws: deviations of its motions and ranges of its network and region."""

    brow: float
    eye: float
    smile: float
    mouth: float
    turn_deg: float
    network_px: tuple[float, float]
    half_width: tuple[float, float]
    top: tuple[float, float]
    bottom: tuple[float, float]
    region_y: float
    edge: tuple[float, float]


_KINDS = {
    "avatar": _Kind(
        0.02, 0.25, 0.025, 0.03, 0.0, (70, 160), (0.6, 0.8), (0.8, 1.05), (0.6, 0.85), 0.0, (0.06, 0.25)
    ),
    "gaze": _Kind(
        0.012, 0.35, 0.0, 0.0, 0.0, (45, 120), (0.36, 0.46), (0.12, 0.2), (0.1, 0.18), -0.22, (0.03, 0.12)
    ),
    "expression": _Kind(
        0.03, 0.35, 0.035, 0.035, 0.0, (70, 160), (0.42, 0.5), (0.52, 0.66), (0.5, 0.58), 0.0, (0.04, 0.16)
    ),
    "talking": _Kind(
        0.0, 0.0, 0.03, 0.05, 0.0, (50, 120), (0.32, 0.44), (0.2, 0.28), (0.28, 0.36), 0.26, (0.03, 0.12)
    ),
    "pose": _Kind(
        0.012, 0.15, 0.015, 0.02, 5.0, (75, 170), (0.62, 0.8), (0.85, 1.05), (0.62, 0.85), 0.0, (0.06, 0.25)
    ),
}


def draw_reenactment(
    rng: np.random.Generator, *, strength: float = 1.0, variant: str | None = None
) -> ReenactmentParameters:
    """Draws a frame of a driven face; mouths open more often than they press.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales motions and traces.
        variant: One of `VARIANTS`; None draws one.

    Raises:
        SimulationError: If there is no such variant.
    """
    u, normal = rng.uniform, rng.normal
    chosen = chosen_variant(rng, variant, species="reenactment", variants=VARIANTS)
    kind = _KINDS[chosen]
    has_ghost = rng.random() < 0.5
    return ReenactmentParameters(
        variant=chosen,
        motion=Motion(
            brow_raise=float(np.clip(normal(0, kind.brow), -0.03, 0.06)) * strength,
            frown=float(u(-0.3, 0.7)) * kind.brow * strength,
            eye_close=min(float(np.clip(normal(0.3, 1), -0.7, 2.4)) * kind.eye * strength, 0.85),
            smile=float(np.clip(normal(0.3, 1), -1.5, 2)) * kind.smile * strength,
            mouth_open=float(np.clip(normal(0.9, 1), -0.4, 2.4)) * kind.mouth * strength,
            yaw_deg=float(np.clip(normal(0, 1), -2, 2)) * kind.turn_deg * strength,
            pitch_deg=float(np.clip(normal(0, 1), -2, 2)) * 0.7 * kind.turn_deg * strength,
            roll_deg=float(np.clip(normal(0, 1), -2, 2)) * 0.7 * kind.turn_deg * strength,
        ),
        mouth=draw_mouth(rng),
        ghost=float(u(0.08, 0.28)) * strength * has_ghost,
        ghost_lag=float(u(0.3, 0.8)),
        network=draw_resynthesis(rng, strength=strength, network_px=kind.network_px),
        region=InnerFace(
            seed=int(rng.integers(2**31)),
            half_width=float(u(*kind.half_width)),
            top=float(u(*kind.top)),
            bottom=float(u(*kind.bottom)),
            flatness=float(u(2.0, 3.2)),
            unevenness=float(u(0.0, 0.03)),
            edge=float(np.exp(u(*np.log(kind.edge)))),
        ),
        region_y=kind.region_y,
        seam=("alpha", "poisson", "pyramid")[int(rng.choice(3, p=[0.6, 0.2, 0.2]))],
    )


def apply_reenactment(scene: Scene, parameters: ReenactmentParameters) -> Scene:
    """The scene with its face driven; box and landmarks move with it.

    Raises:
        SimulationError: If the scene's landmarks do not span a face.
    """
    p = parameters
    pixels = scene.pixels.copy()
    face = face_matrix(scene)
    frame = _frame(face, p)
    window = inner_window(p.region, frame, scene.size)
    if is_empty(window):
        return Scene(pixels, scene.face, scene.landmarks)
    mask = inner_mask(p.region, frame, window)
    target, warp = np.ascontiguousarray(scene.pixels[window]), warp_of(p.motion, face)
    shifts = warp.planes(window)
    driven = shifted(scene.pixels, shifts, window)
    if p.motion.mouth_open > 0:
        place = on_lip_line(scene.pixels, face)
        driven = opened(driven, mask, window, place, p.motion, p.mouth, is_found=scene.landmarks is not None)
    if p.ghost > 0:
        before = shifted(scene.pixels, shifts, window, share=1 - p.ghost_lag)
        driven = np.asarray(cv2.addWeighted(driven, 1 - p.ghost, before, p.ghost, 0), np.uint8)
    driven = resynthesised(driven, scene.face.side, p.network)
    pixels[window] = blended(driven, target, mask, seam=p.seam)
    where = np.zeros(scene.size, dtype=np.bool_)
    where[window] = mask > 0.5
    (x, y) = warp.carried(np.array([scene.face.center]), where)[0] - scene.face.center
    landmarks = None if scene.landmarks is None else warp.carried(scene.landmarks, where).astype(np.float32)
    return Scene(pixels, scene.face.shifted(float(x), float(y)), landmarks)


def reenactment_mask(scene: Scene, parameters: ReenactmentParameters) -> Plane:
    """Where `apply_reenactment` may change the scene: (height, width) float32 in [0, 1]."""
    mask = np.zeros(scene.size, dtype=np.float32)
    frame = _frame(face_matrix(scene), parameters)
    window = inner_window(parameters.region, frame, scene.size)
    if not is_empty(window):
        mask[window] = inner_mask(parameters.region, frame, window)
    return mask


def _frame(face: Matrix, p: ReenactmentParameters) -> Matrix:
    return chained(np.array([[1.0, 0, 0], [0, 1, p.region_y]]), face)
