"""How near a face is to its camera, in the pixels that it spans there.

A camera blurs, mosaics and compresses pixels, not faces. Behind a webcam across the room a face spans sixty of them and is
enlarged for the crop; behind a phone at arm's length it spans five hundred, and shrinking averages away what the camera did
and much of what paper and screens did. A detector that meets faces of one size takes the far for redrawn.
"""

from __future__ import annotations

import numpy as np

from bonaface.attacks.scene import Scene
from bonaface.data.augmentation import Augmentation
from bonaface.data.scenes import MAX_FACE_PX, resized

FARTHEST_PX, NEAREST_PX = 52, 320
"""Sides of the face box behind the camera in training. Nearer than that, a crop of 224 pixels shows little that changes."""

LARGEST_PX = 512
"""Sets on disk have no larger faces."""


def largest_face_px(how: Augmentation) -> float:
    """Side of the face box, in pixels, up to which scenes keep what their pictures have."""
    return NEAREST_PX if how.distance else MAX_FACE_PX


def stored_face_px(*, is_drawn: bool) -> float:
    """The same for a set on disk: whether the sizes of its faces are drawn."""
    return LARGEST_PX if is_drawn else MAX_FACE_PX


def drawn_face_px(rng: np.random.Generator, how: Augmentation) -> float:
    """Side of the face box behind the camera, in pixels: by chance farther or nearer than `MAX_FACE_PX`, alike often.

    Args:
        rng: Every draw comes from it.
        how: The chance.
    """
    if rng.random() >= how.distance:
        return float(MAX_FACE_PX)
    end = FARTHEST_PX if rng.random() < 0.5 else NEAREST_PX
    return drawn_between(rng, min(end, MAX_FACE_PX), max(end, MAX_FACE_PX))


def drawn_between(rng: np.random.Generator, low: float, high: float) -> float:
    """A side between two, in pixels, even in its logarithm."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def at_distance(scene: Scene, face_px: float | None) -> Scene:
    """The scene so large that its face box has a side of `face_px`; one that has it, or up to `MAX_FACE_PX` would have to grow,
    stays, and so does every one where none is drawn.

    What is nearer than the picture that it is made of gains no detail: it is enlarged before attack and camera, and what
    these do is as fine as behind a near camera.
    """
    if face_px is None:
        return scene
    factor = face_px / scene.face.side
    if factor > 1 - 1e-6 and face_px <= MAX_FACE_PX:
        return scene
    return resized(scene, factor)
