"""One sample: a scene, perhaps attacked, always captured; the same chain for every class."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from bonaface.attacks.capture import apply_capture, draw_capture
from bonaface.attacks.scene import Scene
from bonaface.attacks.simulations import SIMULATIONS, parameters_to_json
from bonaface.vocabulary import FAMILIES, Family, Species

FAMILY_TARGETS: dict[Family | None, tuple[float | None, float | None]] = {
    None: (0.0, 0.0),
    Family.PHYSICAL: (1.0, None),
    Family.DIGITAL: (0.0, 1.0),
}
"""What a sample of each family can teach (physical, digital). A digital attack carries no paper and no screen, so it
is a negative for the physical evidence; a recaptured picture says nothing sure about the digital one."""


FRAMING = (0.15, 0.35)
"""Room around the face box, as shares of its side, drawn for each edge: the frame must not tell the class."""


def family_targets(species: Species) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """(targets, known), each (families,) float32, in the order of `FAMILIES`; unknown targets are 0."""
    wanted = FAMILY_TARGETS[species.family]
    targets = np.array([value or 0.0 for value in wanted], np.float32)
    known = np.array([value is not None for value in wanted], np.float32)
    assert len(targets) == len(FAMILIES)
    return targets, known


def attacked(
    scene: Scene, species: Species, rng: np.random.Generator, *, strength: float = 1.0
) -> tuple[Scene, dict[str, Any]]:
    """The scene under the species' simulation and what was drawn; unchanged where nothing simulates the species.

    Bona fide scenes have nothing to simulate, and species such as diffusion come as pictures.
    """
    simulation = SIMULATIONS.get(species.name)
    if simulation is None:
        return scene, {}
    parameters = simulation.draw(rng, strength=strength)
    return simulation.apply(scene, parameters), parameters_to_json(parameters)


def framed(scene: Scene, rng: np.random.Generator) -> Scene:
    """The scene cut to a frame whose room on each edge is drawn from `FRAMING`, where the picture has it."""
    height, width = scene.size
    room = rng.uniform(*FRAMING, 4) * scene.face.side
    x1, y1 = max(0, round(scene.face.x1 - room[0])), max(0, round(scene.face.y1 - room[1]))
    x2, y2 = min(width, round(scene.face.x2 + room[2])), min(height, round(scene.face.y2 + room[3]))
    return Scene(np.ascontiguousarray(scene.pixels[y1:y2, x1:x2]), scene.face.shifted(-x1, -y1))


def captured(
    scene: Scene, rng: np.random.Generator, *, strength: float = 1.0
) -> tuple[Scene, dict[str, Any]]:
    """The scene after the capture chain that every class goes through, and what was drawn."""
    parameters = draw_capture(rng, strength=strength)
    return apply_capture(scene, parameters), asdict(parameters)


def parameters_text(attack: dict[str, Any], capture: dict[str, Any]) -> str:
    """Both draws as the JSON of a manifest's `parameters` column."""
    return json.dumps({"attack": attack, "capture": capture}, sort_keys=True)
