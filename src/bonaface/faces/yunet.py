"""YuNet through OpenCV: faster, finds turned and covered faces, five landmarks; its file comes on request."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.errors import DownloadError
from bonaface.faces.finder import fitted, largest_first
from bonaface.types import Box, Face, Picture

CENTER_SHIFT = 0.071
SIDE_FACTOR = 0.919
"""YuNet's box spans forehead to chin. Its square of equal area becomes dlib's box when it moves down by this
share of its side and shrinks by this factor: medians over 250 portraits that both find (spread 0.04, 0.07)."""


class YuNetFinder:
    """Boxes are brought to the brows-to-chin square that the other finders give."""

    name = "yunet"

    def __init__(self, model: Path, *, min_confidence: float = 0.7, long_side: int = 640) -> None:
        if not model.is_file():
            raise DownloadError(f"{model} must be YuNet's ONNX file; {'it is a folder' if model.is_dir() else 'it does not exist'}; "
                                "fetch it with: bonaface models fetch yunet")  # fmt: skip
        # OpenCV warns about its own graph engine
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._net = cv2.FaceDetectorYN.create(str(model), "", (320, 320), min_confidence, 0.3, 500)
        except cv2.error:
            raise DownloadError(f"{model} must be YuNet's ONNX file; OpenCV can not load it; "
                                "fetch it again with: bonaface models fetch yunet") from None  # fmt: skip
        self._long_side = long_side
        self._lock = threading.Lock()  # the network keeps its input size as state

    def find(self, picture: Picture) -> tuple[Face, ...]:
        """All faces, largest first, with landmarks; see `Finder.find`."""
        small, factor = fitted(picture, self._long_side)
        height, width = small.shape[:2]
        with self._lock:
            self._net.setInputSize((width, height))
            _, rows = self._net.detect(cv2.cvtColor(small, cv2.COLOR_RGB2BGR))
        if rows is None:
            return ()
        return largest_first(_face(np.asarray(row, np.float32), factor) for row in rows)


def _face(row: npt.NDArray[np.float32], factor: float) -> Face:
    x, y, width, height = (float(v) / factor for v in row[:4])
    side = (width * height) ** 0.5
    cx, cy = x + width / 2, y + height / 2 + CENTER_SHIFT * side
    half = SIDE_FACTOR * side / 2
    landmarks = (row[4:14] / factor).reshape(5, 2).astype(np.float32)
    return Face(Box(cx - half, cy - half, cx + half, cy + half), float(row[14]), landmarks)
