"""Shortcut probes: numbers that must not tell bona fide from attack, or a detector will learn them first."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.scene import Scene, face_ellipse_mask
from bonaface.contract import InputContract
from bonaface.faces.crop import prepare
from bonaface.types import Box, Picture


@dataclass(frozen=True, slots=True)
class Probes:
    """What a probe sees of one picture.

    Attributes:
        file_bytes: Length of the file.
        crop_bytes: Length of the prepared crop as a JPEG of quality 92: how much there is to encode.
        aspect_ratio: Width by height of the picture.
        outside_ratio: Share of the crop that lies outside the picture.
        border_ratio: Share of the picture's area that lies outside the crop.
        jpeg_quality: Of the strongest JPEG round that the picture's own 8 px grid shows, 35 to 90.
        crop_jpeg_quality: The same of the prepared crop.
        crop_blockiness: Steps at the crop's strongest 8 px grid by those elsewhere; 1 is no grid. Texture of any
            kind, an attack's too, lowers it.
    """

    file_bytes: float
    crop_bytes: float
    aspect_ratio: float
    outside_ratio: float
    border_ratio: float
    jpeg_quality: float
    crop_jpeg_quality: float
    crop_blockiness: float


def probes(picture: Picture, face: Box, contract: InputContract, *, file_bytes: int) -> Probes:
    """All probes of a picture and its face box.

    Raises:
        PictureError: If the crop can not be prepared.
    """
    crop = prepare(picture, face, contract)
    height, width = picture.shape[:2]
    side = face.squared(contract.margin_ratio).side
    return Probes(
        file_bytes=float(file_bytes),
        crop_bytes=float(len(_jpeg(crop.pixels, 92))),
        aspect_ratio=width / height,
        outside_ratio=crop.outside_ratio,
        border_ratio=1 - (1 - crop.outside_ratio) * side**2 / (height * width),
        jpeg_quality=estimated_quality(picture),
        crop_jpeg_quality=estimated_quality(crop.pixels),
        crop_blockiness=blockiness(crop.pixels),
    )


def background_alone(crop: Picture, contract: InputContract) -> Picture:
    """The prepared crop with the head painted over in grey: what stands around it."""
    size = crop.shape[0]
    inner = size / (1 + 2 * contract.margin_ratio)
    start = (size - inner) / 2
    head = Box(start, start, start + inner, start + inner).squared(0.12).shifted(0, -0.05 * inner)
    mask = face_ellipse_mask(Scene(crop, head)) > 0
    return np.where(mask[..., None], np.uint8(128), crop).astype(np.uint8)


def blockiness(crop: Picture) -> float:
    """Mean absolute step across the strongest 8 px grid by the mean step elsewhere, over both axes."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32)
    ratios = []
    for steps in (np.abs(np.diff(grey, axis=1)).mean(axis=0), np.abs(np.diff(grey, axis=0)).mean(axis=1)):
        phases = np.array([steps[phase::8].mean() for phase in range(8)])
        strongest = phases.argmax()
        ratios.append(phases[strongest] / max(np.delete(phases, strongest).mean(), 1e-6))
    return float(np.mean(ratios))


def estimated_quality(crop: Picture) -> float:
    """The JPEG quality at which another round changes least, relative to the trend over all qualities."""
    qualities = np.arange(30, 96, 5)
    changes = np.array([_change(crop, int(quality)) for quality in qualities])
    trend = np.interp(qualities[1:-1], qualities[[0, -1]], np.log(changes[[0, -1]]))
    dips = np.log(changes[1:-1]) - trend
    return float(qualities[1:-1][dips.argmin()])


def _change(crop: Picture, quality: int) -> float:
    again: npt.NDArray[np.uint8] = cv2.imdecode(
        np.frombuffer(_jpeg(crop, quality), np.uint8), cv2.IMREAD_COLOR_RGB
    )  # type: ignore[assignment]
    return float(np.square(crop.astype(np.float32) - again).mean()) + 1e-3


def _jpeg(crop: Picture, quality: int) -> bytes:
    _, data = cv2.imencode(".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()
