"""dlib's histogram-of-oriented-gradients finder: inside the package, works offline, frontal faces."""

from __future__ import annotations

import copy
import functools
import threading
from typing import Any

import dlib
import numpy as np

from bonaface.faces.finder import fitted, largest_first
from bonaface.types import Box, Face, Picture


class DlibHogFinder:
    """Looks at the picture at two sizes: small first, and larger only when nothing was found.

    The finder's window is 80 px, so the passes see faces of at least 80/512 and 80/1024 of the longer side.
    """

    name = "dlib_hog"

    def __init__(self, *, long_sides: tuple[int, ...] = (512, 1024)) -> None:
        _pattern()  # in the half second that a gate takes to load, not in its first verdict
        self._own = threading.local()
        self._long_sides = long_sides

    def find(self, picture: Picture) -> tuple[Face, ...]:
        """All frontal faces, largest first; see `Finder.find`."""
        detector = self._of_this_thread()
        for long_side in self._long_sides:
            small, factor = fitted(picture, long_side, max_zoom=2.0)
            if min(small.shape[:2]) < 16:  # a sliver holds no face, and dlib's pyramid wants room
                continue
            rectangles, confidences, _ = detector.run(np.ascontiguousarray(small), 0, 0.0)
            if len(rectangles) > 0:
                return largest_first(
                    Face(_box(rectangle).scaled(1 / factor), float(confidence))
                    for rectangle, confidence in zip(rectangles, confidences, strict=True)
                )
        return ()

    def _of_this_thread(self) -> Any:
        """The detector keeps its picture as state: two threads in one crash the process."""
        if not hasattr(self._own, "detector"):
            self._own.detector = copy.deepcopy(_pattern())
        return self._own.detector


@functools.cache
def _pattern() -> Any:
    """What is copied and never run: building it takes half a second, a copy of it milliseconds."""
    return dlib.get_frontal_face_detector()


def _box(rectangle: Any) -> Box:
    return Box(rectangle.left(), rectangle.top(), rectangle.right() + 1, rectangle.bottom() + 1)
