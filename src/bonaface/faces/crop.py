"""The one function that makes a model's input, called alike by training, evaluation and inference."""

from __future__ import annotations

import math

import cv2
import numpy as np

from bonaface.contract import InputContract
from bonaface.errors import PictureError
from bonaface.types import Box, FaceCrop, Picture
from bonaface.vocabulary import Reason

_BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "edge": cv2.BORDER_REPLICATE,
    "black": cv2.BORDER_CONSTANT,
}


def prepare(picture: Picture, face: Box, contract: InputContract, *, num_faces: int = 1) -> FaceCrop:
    """Cut the square about `face` with the contract's margin and bring it to the contract's size.

    The square is rounded to whole pixels; shrinking averages areas, growing interpolates linearly. Under a contract
    for whole pictures nothing is cut: the picture itself is resized, whatever its shape, see `resized`.

    Args:
        picture: (height, width, 3) uint8 RGB.
        face: The finder's box, in pixels of `picture`.
        contract: Margin, size and what stands outside the picture.
        num_faces: Carried into the result.

    Raises:
        PictureError: If the face is smaller than the contract allows, lies outside the picture or is not finite.
    """
    check_finite(face)
    if face.side < contract.min_face_px:
        raise PictureError(
            f"the face must be at least {contract.min_face_px} px wide; it is {math.floor(face.side)}; come closer",
            reason=Reason.FACE_TOO_SMALL,
        )
    if contract.finder == "whole":
        first = picture if contract.through_size is None else resized(picture, contract.through_size)
        return FaceCrop(resized(first, contract.size), face, num_faces, 0.0)
    height, width = picture.shape[:2]
    square = face.squared(contract.margin_ratio)
    x, y, side = round(square.x1), round(square.y1), max(1, round(square.side))
    left, top = max(0, -x), max(0, -y)
    right, bottom = max(0, x + side - width), max(0, y + side - height)
    if face.side > 4 * max(height, width):
        raise _outside()
    inside = visible(picture, x, y, x + side, y + side)
    if left or top or right or bottom:
        border = _BORDERS[contract.outside]
        padded = cv2.copyMakeBorder(inside, top, bottom, left, right, border, value=(0, 0, 0))
    else:
        padded = inside
    outside_ratio = 1 - inside.shape[0] * inside.shape[1] / side**2
    return FaceCrop(resized(np.asarray(padded, np.uint8), contract.size), face, num_faces, outside_ratio)


def check_finite(face: Box) -> None:
    """Raise `PictureError` if a coordinate of the box is NaN or infinite."""
    if not np.isfinite((face.x1, face.y1, face.x2, face.y2)).all():
        raise PictureError(
            f"a face box must be four finite numbers; got {face}; find the face again", reason=Reason.NO_FACE
        )


def visible(picture: Picture, x1: int, y1: int, x2: int, y2: int) -> Picture:
    """The pixels of `picture` inside a window that may reach outside it.

    Raises:
        PictureError: If there are none.
    """
    inside = picture[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)]
    if inside.size == 0:
        raise _outside()
    return inside


def _outside() -> PictureError:
    return PictureError(
        "the face must lie inside the picture; its box lies outside; frame the face whole",
        reason=Reason.NO_FACE,
    )


def resized(picture: Picture, size: int) -> Picture:
    """The picture as a square of `size` pixels: areas are averaged where both sides shrink, neighbours mixed linearly otherwise."""
    interpolation = cv2.INTER_AREA if max(picture.shape[:2]) > size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (size, size), interpolation=interpolation), np.uint8)
