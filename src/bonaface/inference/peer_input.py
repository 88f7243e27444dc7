"""A face becomes a peer's input: box, crop, resize and values as its `peer.json` declares them."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from bonaface.errors import PictureError
from bonaface.faces.crop import check_finite, visible
from bonaface.faces.picture import MAX_PIXELS
from bonaface.faces.yunet import CENTER_SHIFT, SIDE_FACTOR
from bonaface.inference.peer_contract import PeerContract, PeerCrop, PeerInput
from bonaface.types import Box, Picture
from bonaface.vocabulary import Reason

FACE_ASPECT = 0.724
"""Width by height of a box from forehead to chin: YuNet's median over 150 portraits (spread 0.03)."""

_BORDERS = {
    "reflect": cv2.BORDER_REFLECT_101,
    "edge": cv2.BORDER_REPLICATE,
    "black": cv2.BORDER_CONSTANT,
}
_OPENCV = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC, "area": cv2.INTER_AREA}
_PILLOW = {"smooth_linear": Image.Resampling.BILINEAR, "smooth_cubic": Image.Resampling.BICUBIC}


def peer_input(picture: Picture, face: Box, contract: PeerContract) -> npt.NDArray[Any]:
    """The model's input for one face.

    Args:
        picture: (height, width, 3) uint8 RGB.
        face: The finder's square box, in pixels of `picture`.
        contract: Of the peer.

    Returns:
        Of the contract's shape and dtype.

    Raises:
        PictureError: If the face is too small, lies outside the picture, is not finite, or its crop would be huge.
    """
    return as_input(resized(cut(picture, face, contract.crop), contract.input), contract.input)


def cut(picture: Picture, face: Box, crop: PeerCrop) -> Picture:
    """The pixels that the peer sees, before they are resized."""
    check_finite(face)
    if face.side < crop.min_face_px:
        raise PictureError(
            f"the face must be at least {crop.min_face_px} px wide; it is {math.floor(face.side)}; come closer",
            reason=Reason.FACE_TOO_SMALL,
        )
    height, width = picture.shape[:2]
    visible(picture, *_whole(face))  # a face outside is none, wherever its crop would move
    x1, y1, x2, y2 = _whole(_scaled(_as_peer(face, crop), crop, height, width))
    inside = visible(picture, x1, y1, x2, y2)
    if crop.outside not in _BORDERS:
        return inside
    if (x2 - x1) * (y2 - y1) > MAX_PIXELS:
        raise PictureError(
            f"the crop must have at most {MAX_PIXELS:,} pixels; it would have {x2 - x1} x {y2 - y1}; "
            "resize the picture",
            reason=Reason.TOO_LARGE,
        )
    edges = (max(0, -y1), max(0, y2 - height), max(0, -x1), max(0, x2 - width))
    return np.asarray(cv2.copyMakeBorder(inside, *edges, _BORDERS[crop.outside], value=(0, 0, 0)), np.uint8)


def resized(pixels: Picture, given: PeerInput) -> Picture:
    """Brought to the input's size, without regard to its aspect."""
    height, width = given.size
    if given.interpolation in _PILLOW:
        image = Image.fromarray(pixels).resize((width, height), _PILLOW[given.interpolation])
        return np.asarray(image, np.uint8)
    return np.asarray(
        cv2.resize(pixels, (width, height), interpolation=_OPENCV[given.interpolation]), np.uint8
    )


def as_input(pixels: Picture, given: PeerInput) -> npt.NDArray[Any]:
    """Channels, values, layout and dtype as the model takes them, (1, ...)."""
    ordered = pixels[..., ::-1] if given.channels == "BGR" else pixels
    if given.dtype == "uint8":
        values: npt.NDArray[Any] = ordered
    else:
        unit = ordered.astype(np.float32) / np.float32(255 if given.values == "0_1" else 1)
        values = (unit - np.array(given.mean, np.float32)) / np.array(given.std, np.float32)
    if given.layout == "NCHW":
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values[None])


def _whole(box: Box) -> tuple[int, int, int, int]:
    """The box in whole pixels, at least one wide and high."""
    x1, y1, x2, y2 = (round(value) for value in (box.x1, box.y1, box.x2, box.y2))
    return x1, y1, max(x2, x1 + 1), max(y2, y1 + 1)


def _as_peer(face: Box, crop: PeerCrop) -> Box:
    """The box that the peer's own finder would give: what `faces.yunet` does to a box, undone."""
    if crop.box == "brows_square":
        return face.squared()
    side = face.side / SIDE_FACTOR
    cx, cy = face.center[0], face.center[1] - CENTER_SHIFT * side
    height = side / math.sqrt(FACE_ASPECT)
    width = height if crop.box == "face_square" else height * FACE_ASPECT
    return Box(cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)


def _scaled(box: Box, crop: PeerCrop, height: int, width: int) -> Box:
    is_shifted = crop.outside == "shift"
    scale = min(crop.scale, width / box.width, height / box.height) if is_shifted else crop.scale
    half_width, half_height = box.width * scale / 2, box.height * scale / 2
    cx, cy = box.center
    if is_shifted:
        cx = min(max(cx, half_width), width - half_width)
        cy = min(max(cy, half_height), height - half_height)
    return Box(cx - half_width, cy - half_height, cx + half_width, cy + half_height)
