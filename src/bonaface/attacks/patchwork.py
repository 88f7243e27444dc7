"""A clue without a mechanism: some place of a face has gone through some processing, and its surroundings have not.

Real manipulations differ in what they mean and agree in this. Places and processing are drawn far apart, so that what is
learned is that a place does not fit, whatever made it so. After self-blended faces (Shiohara and Yamasaki 2022,
arXiv 2204.08376), which know one place and few changes, and local inconsistencies as Li et al. 2020 (arXiv 1912.13458) seek
them at a blend's border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bonaface.attacks.mesh import Matrix, chained, face_matrix
from bonaface.attacks.outlines import is_empty
from bonaface.attacks.processing import STEPS, check_chain, drawn_steps, processed
from bonaface.attacks.scene import Plane, Scene
from bonaface.attacks.seam import InnerFace, blended, inner_mask, inner_window


@dataclass(frozen=True, slots=True)
class PatchworkParameters:
    """One processed place.

    Attributes:
        seed: Of what every step draws for itself.
        steps: What is done, in order; of `STEPS`.
        amounts: How much of each, above 0; 1 is plain to see.
        region: The place, about a point of the face.
        region_x: That point, in shares of the face box from its middle.
        region_y: Likewise.
        is_paired: Whether the same is done to its mirror image in the face, as to both eyes.
        seam: How the place is put back: alpha, poisson or pyramid, as `blended`.
    """

    seed: int
    steps: tuple[str, ...]
    amounts: tuple[float, ...]
    region: InnerFace
    region_x: float
    region_y: float
    is_paired: bool
    seam: str


def draw_patchwork(rng: np.random.Generator, *, strength: float = 1.0) -> PatchworkParameters:
    """Draws a place, from the tip of the nose to the whole face, and one to three steps.

    Args:
        rng: Where all randomness comes from.
        strength: In (0, 1.5]; scales every step.
    """
    u = rng.uniform
    seed = int(rng.integers(2**31))
    steps, amounts = drawn_steps(rng, STEPS, strength=strength)
    width = float(np.exp(u(np.log(0.15), np.log(0.6))))
    height = min(
        width * float(np.exp(u(-0.5, 0.5))), 0.6
    )  # something of the picture stays, or nothing would not fit
    reach = max(0.0, 0.55 - width)  # small places lie anywhere in the face, large ones about its middle
    x, y = (float(value) for value in u(-reach, reach, 2))
    return PatchworkParameters(
        seed=seed,
        steps=steps,
        amounts=amounts,
        region=InnerFace(
            seed=int(rng.integers(2**31)),
            half_width=width,
            top=height * float(u(0.7, 1.3)),
            bottom=height * float(u(0.7, 1.3)),
            flatness=float(u(2.0, 4.0)),
            unevenness=float(u(0.0, 0.12)),
            edge=float(np.exp(u(np.log(0.01), np.log(0.25)))),
        ),
        region_x=x,
        region_y=y,
        is_paired=bool(abs(x) > width and rng.random() < 0.7),
        seam=("alpha", "poisson", "pyramid")[int(rng.choice(3, p=[0.7, 0.15, 0.15]))],
    )


def apply_patchwork(scene: Scene, parameters: PatchworkParameters) -> Scene:
    """The scene with its place processed; its face stays where it is.

    Raises:
        SimulationError: If a step is unknown or has no amount, or the scene's landmarks do not span a face.
    """
    p, pixels = parameters, scene.pixels.copy()
    check_chain(p, known=STEPS, what="patchwork")
    for frame in _frames(scene, p):
        window = inner_window(p.region, frame, scene.size)
        if is_empty(window):
            continue
        made = processed(np.ascontiguousarray(scene.pixels[window]), p, known=STEPS, side=scene.face.side)
        mask = inner_mask(p.region, frame, window)
        pixels[window] = blended(made, np.ascontiguousarray(pixels[window]), mask, seam=p.seam)
    return Scene(pixels, scene.face, scene.landmarks)


def patchwork_mask(scene: Scene, parameters: PatchworkParameters) -> Plane:
    """Where `apply_patchwork` may change the scene: (height, width) float32 in [0, 1]."""
    mask = np.zeros(scene.size, np.float32)
    for frame in _frames(scene, parameters):
        window = inner_window(parameters.region, frame, scene.size)
        if not is_empty(window):
            mask[window] = np.maximum(mask[window], inner_mask(parameters.region, frame, window))
    return mask


def _frames(scene: Scene, p: PatchworkParameters) -> list[Matrix]:
    face = face_matrix(scene)
    sides = (1, -1) if p.is_paired else (1,)
    return [chained(np.array([[1.0, 0, side * p.region_x], [0, 1, p.region_y]]), face) for side in sides]
