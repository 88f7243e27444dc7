"""From manifest rows to scenes: the part of a picture about its face, small enough to work on many at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.scene import Scene
from bonaface.data.manifest import Manifest, Row
from bonaface.errors import PictureError
from bonaface.faces.crop import check_finite, visible
from bonaface.faces.finder import Finder
from bonaface.faces.picture import read_picture
from bonaface.types import Box, Face, Picture
from bonaface.vocabulary import Reason

ROOM_RATIO = 0.6
"""Room kept around the face box on every side, as a share of its side, where the picture has it."""

MAX_FACE_PX = 160
"""Faces are brought down to this box side."""

LARGEST_FACTOR = 0.9
"""Smaller ones shrink by this all the same: the 8 px grid of the source's JPEG would survive in bona fide copies and
vanish in warped attacks."""


@dataclass(frozen=True, slots=True)
class FoundScene:
    """A row and its scene; or the row and why it has none.

    Attributes:
        row: Of the manifest.
        scene: The part of the picture about its largest face.
        face: That face in the whole picture.
        reason: Why there is no scene.
        detail: The same for people, one sentence.
    """

    row: Row
    scene: Scene | None
    face: Face | None = None
    reason: Reason | None = None
    detail: str = ""


def cut_scene(
    picture: Picture,
    face: Box,
    *,
    landmarks: npt.NDArray[np.float32] | None = None,
    max_face_px: float = MAX_FACE_PX,
) -> Scene:
    """The region about `face` with its room, shrunk (never grown) until the face is `max_face_px` wide.

    Args:
        picture: (height, width, 3) uint8 RGB.
        face: The finder's box, in pixels of `picture`.
        landmarks: The finder's points, likewise, as `Face.landmarks`; the scene gets them too.
        max_face_px: Side of the face's box in the scene, at most.

    Raises:
        PictureError: If the face lies outside the picture.
    """
    check_finite(face)
    wide = face.squared(ROOM_RATIO)
    x1, y1 = max(0, round(wide.x1)), max(0, round(wide.y1))
    region, box = visible(picture, x1, y1, round(wide.x2), round(wide.y2)), face.shifted(-x1, -y1)
    if landmarks is not None:
        landmarks = landmarks - np.array([x1, y1], np.float32)
    scene = Scene(np.ascontiguousarray(region), box, landmarks)
    return resized(scene, min(LARGEST_FACTOR, max_face_px / face.side))


def resized(scene: Scene, factor: float) -> Scene:
    """The scene at another size, areas averaged when it shrinks; box and landmarks follow."""
    height, width = scene.size
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    pixels = np.asarray(cv2.resize(scene.pixels, size, interpolation=how), np.uint8)
    points = scene.landmarks
    if points is not None:  # points are centres of pixels, boxes run along their edges
        points = ((points + 0.5) * factor - 0.5).astype(np.float32)
    return Scene(pixels, scene.face.scaled(factor), points)


def found_scenes(
    manifest: Manifest,
    finder: Finder,
    *,
    max_face_px: float = MAX_FACE_PX,
    on_row: Callable[[], None] = lambda: None,
) -> Iterator[FoundScene]:
    """The scene of the largest face in every row's picture, in order; rows without one say why.

    Args:
        manifest: Rows to read.
        finder: Finds the faces.
        max_face_px: Side of the face's box in a scene, at most.
        on_row: Called after each row, for a progress bar.
    """
    for row in manifest.rows:
        yield found_scene(manifest, row, finder, max_face_px=max_face_px)
        on_row()


def found_scene(
    manifest: Manifest, row: Row, finder: Finder, *, max_face_px: float = MAX_FACE_PX
) -> FoundScene:
    """The scene of the largest face in the row's picture, or why there is none."""
    try:
        picture = read_picture(manifest.picture_path(row))
        faces = finder.find(picture)
        if not faces:
            detail = f"no face was found in {row.path}"
            return FoundScene(row, None, reason=Reason.NO_FACE, detail=detail)
        face = faces[0]
        scene = cut_scene(picture, face.box, landmarks=face.landmarks, max_face_px=max_face_px)
        return FoundScene(row, scene, face)
    except PictureError as error:
        return FoundScene(row, None, reason=Reason(error.reason), detail=str(error))
