"""A clue without a mechanism, for physical attacks: the face is seen on something, whatever it is.

Paper, panels and masks differ in what they are and agree in this: between face and camera there is a medium, with colours, a
grain, a lattice or a light of its own. The steps of `medium` are drawn far apart, over the whole picture or over what is worn.
What SPSC (arXiv 2404.08450) says with two clues, colours and a moire, said with many.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bonaface.attacks.medium import STEPS, TELLING
from bonaface.attacks.mesh import face_matrix
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.processing import check_chain, drawn_steps, processed
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, draw_inner_face, inner_mask, inner_window


@dataclass(frozen=True, slots=True)
class RenditionParameters:
    """One medium.

    Attributes:
        seed: Of what every step draws for itself.
        steps: What it does, in order; of `medium.STEPS`.
        amounts: How much of each, above 0; 1 is plain to see.
        is_worn: Whether it covers the face alone; otherwise it fills the picture.
        region: What it covers where it is worn.
    """

    seed: int
    steps: tuple[str, ...]
    amounts: tuple[float, ...]
    is_worn: bool
    region: InnerFace


def draw_rendition(rng: np.random.Generator, *, strength: float = 1.0) -> RenditionParameters:
    """Draws one to three steps; in three of ten over the face alone, else with one that no camera does by itself.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales every step.
    """
    seed = int(rng.integers(2**31))
    steps, amounts = drawn_steps(rng, STEPS, strength=strength)
    is_worn = bool(rng.random() < 0.3)
    if not is_worn and not set(steps) & set(TELLING):
        steps = (str(rng.choice(TELLING)), *steps[1:])
    edge = float(np.exp(rng.uniform(np.log(0.01), np.log(0.1))))
    return RenditionParameters(
        seed=seed,
        steps=steps,
        amounts=amounts,
        is_worn=is_worn,
        region=draw_inner_face(rng, edge=edge, size=float(rng.uniform(1.0, 1.35))),
    )


def apply_rendition(scene: Scene, parameters: RenditionParameters) -> Scene:
    """The scene on, or its face under, the medium; the face stays where it is.

    Raises:
        SimulationError: If a step is unknown or has no amount, or the scene's landmarks do not span a face.
    """
    p = parameters
    check_chain(p, known=STEPS, what="rendition")
    if not p.is_worn:
        pixels = processed(scene.pixels, p, known=STEPS, side=scene.face.side)
        return Scene(pixels, scene.face, scene.landmarks)
    pixels, frame = scene.pixels.copy(), face_matrix(scene)
    window = inner_window(p.region, frame, scene.size)
    if not is_empty(window):
        target = np.ascontiguousarray(scene.pixels[window])
        made = processed(target, p, known=STEPS, side=scene.face.side)
        pixels[window] = blended(made, target, inner_mask(p.region, frame, window), seam="alpha")
    return Scene(pixels, scene.face, scene.landmarks)


def rendition_mask(scene: Scene, parameters: RenditionParameters) -> Plane:
    """Where `apply_rendition` may change the scene: (height, width) float32 in [0, 1]."""
    if not parameters.is_worn:
        return np.ones(scene.size, np.float32)
    mask, frame = np.zeros(scene.size, np.float32), face_matrix(scene)
    window = inner_window(parameters.region, frame, scene.size)
    if not is_empty(window):
        mask[window] = inner_mask(parameters.region, frame, window)
    return mask
