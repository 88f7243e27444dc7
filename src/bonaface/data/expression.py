"""Another expression of the same face, made by moving its pixels alone: no network, no seam, and so no attack.

Portraits smile. A detector that meets grimaces, closed eyes and open mouths in simulated attacks only takes whoever
frowns for reenacted.
"""

from __future__ import annotations

import numpy as np

from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.motion import Motion, shifted, warp_of
from bonaface.attacks.mouth import draw_mouth, on_lip_line, opened
from bonaface.attacks.outlines import is_empty, window_about
from bonaface.attacks.scene import Scene
from bonaface.errors import SimulationError

REACH = 0.5
"""How far around the face box the skin moves along, as a share of its side."""


def with_expression(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene with brows, lids and mouth moved; the box stays and the landmarks follow.

    Args:
        scene: It stays as it is; one whose landmarks span no face comes back unchanged.
        rng: Every draw comes from it.
    """
    motion, mouth = _drawn(rng), draw_mouth(rng)
    try:
        face = face_matrix(scene)
    except SimulationError:
        return scene
    box = scene.face
    corners = np.array([[box.x1, box.y1], [box.x2, box.y2]])
    window = window_about([corners], REACH * box.side, scene.size)
    if is_empty(window):
        return scene
    warp = warp_of(motion, face)
    moved = shifted(scene.pixels, warp.planes(window), window)
    if motion.mouth_open > 0:
        whole = np.ones(moved.shape[:2], np.float32)
        place = on_lip_line(scene.pixels, face)
        moved = opened(moved, whole, window, place, motion, mouth, is_found=scene.landmarks is not None)
    pixels = scene.pixels.copy()
    pixels[window] = moved
    where = np.zeros(scene.size, dtype=np.bool_)
    where[window] = True
    landmarks = None if scene.landmarks is None else warp.carried(scene.landmarks, where).astype(np.float32)
    return Scene(pixels, scene.face, landmarks)


def _drawn(rng: np.random.Generator) -> Motion:
    """Brows up or down, eyes wide or shut, corners of the mouth up or down; the head stays. Mouths open in two of five."""
    u, normal = rng.uniform, rng.normal
    opens = rng.random() < 0.4
    return Motion(
        brow_raise=float(np.clip(normal(0, 0.025), -0.02, 0.05)),
        frown=float(u(-0.3, 0.7)) * 0.025,
        eye_close=float(u(0.2, 0.7)) if rng.random() < 0.35 else float(u(-0.2, 0.2)),
        smile=float(np.clip(normal(0, 0.035), -0.06, 0.07)),
        mouth_open=float(u(0.02, 0.09)) if opens else 0.0,
        yaw_deg=0.0,
        pitch_deg=0.0,
        roll_deg=0.0,
    )
