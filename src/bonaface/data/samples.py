"""One sample: a scene, perhaps attacked, always captured; the same chain for every class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from bonaface.attacks.capture import CaptureParameters, apply_capture, draw_capture
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.view import View, source_maps
from bonaface.data.chains import chain_named
from bonaface.errors import SimulationError
from bonaface.vocabulary import FAMILIES, Family, Species

FAMILY_TARGETS: dict[frozenset[Family], tuple[float | None, float | None]] = {
    frozenset(): (0.0, 0.0),
    frozenset({Family.PHYSICAL}): (1.0, None),
    frozenset({Family.DIGITAL}): (0.0, 1.0),
    frozenset({Family.PHYSICAL, Family.DIGITAL}): (1.0, 1.0),
}
"""What a sample of these families can teach (physical, digital). A digital attack carries no paper and no screen, so it
is a negative for the physical evidence; a recaptured picture says nothing sure about the digital one, unless it is
known that a digital attack was recaptured."""


FRAMING = (0.15, 0.35)
"""Room around the face box, as shares of its side, drawn for each edge: the frame must not tell the class."""

QUALITY = 92
"""Of every JPEG file written, whatever its class: the capture chain's own rounds come before."""

Frame = tuple[int, int, int, int]
"""x1, y1, x2, y2 of a part of a picture, in pixels, all inside of it."""


def family_targets(species: Species) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(targets, known), each (families,) float32, in the order of `FAMILIES`; unknown targets are 0."""
    wanted = FAMILY_TARGETS[species.families]
    targets = np.array([value or 0.0 for value in wanted], np.float32)
    known = np.array([value is not None for value in wanted], np.float32)
    assert len(targets) == len(FAMILIES)
    return targets, known


def attacked(
    scene: Scene,
    name: str,
    rng: np.random.Generator,
    *,
    strength: float = 1.0,
    variant: str | Mapping[str, str] | None = None,
    partner: Scene | None = None,
) -> tuple[Scene, dict[str, Any] | list[dict[str, Any]]]:
    """The scene under a simulated attack, and what was drawn as plain values (of a chain: of every step).

    Args:
        scene: It stays as it is.
        name: A simulation, or several joined by a plus.
        rng: Where all randomness comes from.
        strength: Of every step, in (0, 1.5].
        variant: What the simulation is held to; of a chain, by the name of a step.
        partner: A second person, for attacks that need one.

    Raises:
        SimulationError: If there is no such simulation or variant, or a partner is missing.
    """
    chain = chain_named(name)
    if isinstance(variant, str):
        if len(chain.steps) > 1:
            raise SimulationError(
                f"variants of a chain must be given by step; got '{variant}' for {name}; "
                f"say which step it is of: {', '.join(step.name for step in chain.steps)}"
            )
        variant = {name: variant}
    parameters = chain.drawn(rng, strength=strength, variants=variant)
    return chain.applied(scene, parameters, partner), chain.to_json(parameters)


def drawn_frame(scene: Scene, rng: np.random.Generator) -> Frame:
    """A frame whose room on each edge of the face is drawn from `FRAMING`, where the picture has it."""
    height, width = scene.size
    room = rng.uniform(*FRAMING, 4) * scene.face.side
    x1, y1 = max(0, round(scene.face.x1 - room[0])), max(0, round(scene.face.y1 - room[1]))
    x2, y2 = min(width, round(scene.face.x2 + room[2])), min(height, round(scene.face.y2 + room[3]))
    return x1, y1, x2, y2


def cut_to(scene: Scene, frame: Frame) -> Scene:
    """The part of the scene inside the frame."""
    x1, y1, x2, y2 = frame
    return Scene(np.ascontiguousarray(scene.pixels[y1:y2, x1:x2]), scene.face.shifted(-x1, -y1))


def framed(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene cut to a drawn frame."""
    return cut_to(scene, drawn_frame(scene, rng))


def captured(
    scene: Scene, rng: np.random.Generator, *, strength: float = 1.0
) -> tuple[Scene, CaptureParameters]:
    """The scene after the capture chain that every class goes through, and what was drawn."""
    parameters = draw_capture(rng, strength=strength)
    return apply_capture(scene, parameters), parameters


def captured_mask(mask: Plane, frame: Frame, capture: CaptureParameters) -> Plane:
    """The mask of a scene where `cut_to` and the capture have brought it, (height, width) float32 in [0, 1].

    It is cut, turned and enlarged as the picture is. Blur, noise and storage spread a change by a few pixels at the most
    and do not move the mask.
    """
    x1, y1, x2, y2 = frame
    inside = np.ascontiguousarray(mask[y1:y2, x1:x2])
    if not capture.turn_deg and capture.zoom == 1:
        return inside
    maps = source_maps(View(rotation_deg=capture.turn_deg, zoom=capture.zoom), y2 - y1, x2 - x1)
    moved = cv2.remap(inside, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)


def encoded(scene: Scene) -> bytes:
    """The scene as a JPEG file."""
    bgr = cv2.cvtColor(scene.pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
