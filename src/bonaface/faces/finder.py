"""What a finder is: a picture in, faces out, largest first, boxes from the brows to the chin."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from bonaface.contract import InputContract
from bonaface.errors import BundleError, DownloadError
from bonaface.types import Face, Picture


class Finder(Protocol):
    """Finds faces. Boxes of every finder follow one convention, so that one crop serves them all."""

    name: str

    def find(self, picture: Picture) -> tuple[Face, ...]:
        """All faces in `picture` (height, width, 3) uint8 RGB, largest first; empty where there is none."""
        ...


def finder_for(contract: InputContract, *, yunet: Path | None = None) -> Finder:
    """The finder that the contract names, or YuNet when its file is given.

    Args:
        contract: The model's input contract.
        yunet: `face_detection_yunet_2023mar.onnx`; needed when the contract names `yunet`.

    Raises:
        DownloadError: If YuNet is asked for and its file is not there.
        BundleError: If YuNet's file is given and the contract takes pictures whole.
    """
    from bonaface.faces.dlib_hog import DlibHogFinder  # noqa: PLC0415
    from bonaface.faces.whole import WholePicture  # noqa: PLC0415
    from bonaface.faces.yunet import YuNetFinder  # noqa: PLC0415

    if contract.finder == "whole":
        if yunet is not None:
            raise BundleError("this bundle takes pictures whole; it can not use YuNet; leave the finder out")
        return WholePicture()
    if yunet is not None:
        return YuNetFinder(yunet)
    if contract.finder == "yunet":
        raise DownloadError("this bundle finds faces with YuNet; fetch it with: bonaface models fetch yunet")
    return DlibHogFinder()


def largest_first(faces: Iterable[Face]) -> tuple[Face, ...]:
    """By box side, then by confidence, then by place, so that the order never depends on the finder's."""
    return tuple(sorted(faces, key=lambda f: (-f.box.side, -f.confidence, f.box.x1, f.box.y1)))


def fitted(picture: Picture, long_side: int, *, max_zoom: float = 1.0) -> tuple[Picture, float]:
    """The picture resized so that its longer side is `long_side`, and the factor; never beyond `max_zoom`."""
    height, width = picture.shape[:2]
    factor = min(long_side / max(height, width), max_zoom)
    if factor == 1.0:
        return picture, 1.0
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size, interpolation=interpolation), np.uint8), factor
