"""Video codecs: one frame's own transform coding, and the real thing through OpenCV where its build has it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from bonaface.attacks.blocks import dct_basis, from_blocks, padded, to_blocks
from bonaface.attacks.products import times
from bonaface.attacks.scene import Plane
from bonaface.errors import SimulationError, did_you_mean
from bonaface.types import Picture

CODECS: dict[str, tuple[str, str]] = {
    "mpeg4": ("mp4v", ".mp4"),
    "mjpeg": ("MJPG", ".avi"),
    "flv": ("FLV1", ".avi"),
}
"""Names, and the code and the file ending by which OpenCV's writer knows them. H.264 is in no free build."""

DEAD_ZONE = 1 / 3
"""Rounding offset of an encoder: less than a half, so that small coefficients become zero."""


def frame_coded(
    frame: Picture, *, step: float, block: int, is_chroma_halved: bool, is_deblocked: bool
) -> Picture:
    """One frame after transform coding as in the frames that a video codec codes by themselves.

    A flat quantiser with a dead zone on the orthonormal DCT of each block of Y', Cb and Cr, half the step for a
    block's mean, then a deblocking filter. A simplification of H.264: no prediction, no entropy coding, and so no
    bit rate.

    Args:
        frame: (height, width, 3) uint8 RGB.
        step: Of the quantiser, in steps of uint8; H.264's quantiser QP has about 2^((QP - 4) / 6).
        block: Side of the blocks, in pixels: 4 or 8.
        is_chroma_halved: Whether colour is kept at half resolution (4:2:0).
        is_deblocked: Whether block edges are smoothed where the step may be the quantiser's own.
    """
    planes = list(cv2.split(cv2.cvtColor(frame, cv2.COLOR_RGB2YCrCb)))
    height, width = frame.shape[:2]
    half = ((width + 1) // 2, (height + 1) // 2)
    coded = []
    for number, plane in enumerate(planes):
        is_small = number > 0 and is_chroma_halved
        small = cv2.resize(plane, half, interpolation=cv2.INTER_AREA) if is_small else plane
        decoded = _plane_coded(small.astype(np.float32), step, block, is_deblocked=is_deblocked)
        whole = np.asarray(cv2.convertScaleAbs(np.maximum(decoded, 0)), dtype=np.uint8)
        coded.append(
            cv2.resize(whole, (width, height), interpolation=cv2.INTER_LINEAR) if is_small else whole
        )
    return np.asarray(cv2.cvtColor(cv2.merge(coded), cv2.COLOR_YCrCb2RGB), dtype=np.uint8)


def _plane_coded(plane: Plane, step: float, block: int, *, is_deblocked: bool) -> Plane:
    whole, basis = padded(plane, block), dct_basis(block)
    steps = np.full((1, block * block), step, np.float32)
    steps[0, 0] = step / 2
    levels = times(to_blocks(whole - np.float32(128), block), basis, is_transposed=True) / steps
    levels = np.sign(levels) * np.floor(np.abs(levels) + np.float32(DEAD_ZONE))
    decoded = from_blocks(times(levels * steps, basis), block, *whole.shape) + np.float32(128)
    if is_deblocked:
        _deblock(decoded, block, step)
        _deblock(decoded.T, block, step)
    return decoded[: plane.shape[0], : plane.shape[1]]


def _deblock(plane: Plane, block: int, step: float) -> None:
    """Writes into the plane: both pixels at each block edge meet, where the edge is no edge of the picture.

    Thresholds as H.264's normal filter has them about QP 30, as multiples of the quantiser's step.
    """
    width = plane.shape[1]
    inner = slice(block - 1, width - block, block), slice(block, width, block)
    p0, q0 = plane[:, inner[0]], plane[:, inner[1]]
    p1, q1 = plane[:, block - 2 : width - block : block], plane[:, block + 1 : width : block]
    limit = np.float32(0.2 * step)
    move = np.clip(((q0 - p0) * 4 + (p1 - q1)) / 8, -limit, limit)
    is_block = np.abs(p0 - q0) < np.float32(1.25 * step)
    is_block &= (np.abs(p1 - p0) < np.float32(0.3 * step)) & (np.abs(q1 - q0) < np.float32(0.3 * step))
    move = np.where(is_block, move, np.float32(0))
    plane[:, inner[0]] += move
    plane[:, inner[1]] -= move


def stream_coded(frames: Sequence[Picture], codec: str) -> Picture:
    """The last frame of a short video after a real codec, written to and read from a temporary file.

    Args:
        frames: (height, width, 3) uint8 RGB, all of one size, at least 16 x 16; the first is coded by itself, the
            next ones mostly as differences. Odd sizes are padded for the codec and cut again.
        codec: A name of `CODECS`. OpenCV sets the bit rate.

    Raises:
        SimulationError: If there is no such codec, or OpenCV's build here can not code with it.
    """
    if codec not in CODECS:
        raise SimulationError(
            f"a codec must be one of {', '.join(CODECS)}; got '{codec}'{did_you_mean(codec, CODECS)}"
        )
    height, width = frames[0].shape[:2]
    (letters, ending), last = CODECS[codec], None
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"stream{ending}")
        size = (width + width % 2, height + height % 2)
        writer = cv2.VideoWriter(path, cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*letters), 25.0, size)
        for frame in frames if writer.isOpened() else ():
            even = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            writer.write(cv2.cvtColor(even, cv2.COLOR_RGB2BGR))
        writer.release()
        reader = cv2.VideoCapture(path, cv2.CAP_FFMPEG)
        is_read, decoded = reader.read()
        while is_read:
            last = decoded
            is_read, decoded = reader.read()
        reader.release()
    if last is None:
        raise SimulationError(
            f"OpenCV must be built with a coder for '{codec}'; this build's gave no frame of {width} x {height}; "
            "take another codec or variant"
        )
    return np.asarray(cv2.cvtColor(last[:height, :width], cv2.COLOR_BGR2RGB), dtype=np.uint8)


@lru_cache(maxsize=8)
def has_codec(codec: str) -> bool:
    """Whether this build of OpenCV codes and decodes so: tried once on a small picture."""
    try:
        stream_coded([np.full((64, 64, 3), 128, np.uint8)], codec)
    except SimulationError:
        return False
    return True
