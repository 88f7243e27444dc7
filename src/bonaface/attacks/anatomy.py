"""Where the parts of a face are: from landmarks where a finder gave some, else from the box of an average face."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bonaface.attacks.scene import Scene

Points = npt.NDArray[np.float32]
"""(points, 2) float32: x and y in pixels."""

AVERAGE = np.array([[0.278, 0.268], [0.722, 0.268], [0.5, 0.523], [0.301, 0.705], [0.699, 0.705]], np.float32)
"""Eyes, nose tip and mouth corners as shares of the face box: medians over 110 frontal portraits, made symmetric. They
spread by 0.04 to 0.05."""


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The five points of a face, in pixels; right and left are the person's.

    Attributes:
        points: (5, 2): right eye, left eye, nose tip, right and left mouth corner.
        is_found: Whether a finder gave them, or they were guessed from the box.
    """

    points: Points
    is_found: bool

    @property
    def roll_deg(self) -> float:
        """Turn of the line through the eyes, clockwise."""
        dx, dy = self.points[1] - self.points[0]
        return float(np.rad2deg(np.arctan2(dy, dx)))

    @property
    def mouth(self) -> Points:
        """The middle of the mouth, (2,)."""
        return np.asarray(self.points[3:].mean(axis=0), np.float32)


def anatomy(scene: Scene) -> Anatomy:
    """The five points of the scene's face."""
    if scene.landmarks is not None:
        return Anatomy(scene.landmarks, is_found=True)
    corner = np.array([scene.face.x1, scene.face.y1], np.float32)
    size = np.array([scene.face.width, scene.face.height], np.float32)
    return Anatomy(corner + AVERAGE * size, is_found=False)
