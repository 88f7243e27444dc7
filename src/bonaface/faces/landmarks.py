"""Five points of a face through dlib's shape predictors; their files come from elsewhere."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np
import numpy.typing as npt

from bonaface.errors import DownloadError
from bonaface.types import Box, Picture

Points = npt.NDArray[np.float32]
"""(5, 2) in pixels, as `Face.landmarks`: right eye, left eye, nose tip, right and left mouth corner."""

NOSE_BASE = (0.0, 0.775)
NOSE_TIP, MOUTH = (0.0, 0.574), (0.448, 0.984)
"""Sideways from the middle and down from the line through the eyes, in distances between the eyes: the nose base of
dlib's mean face; the nose tip and a mouth corner of the average portrait (as in `attacks.anatomy`)."""


class ShapePredictor:
    """One of dlib's predictors, of 68 or of 5 parts, from a file of the user's.

    With 68 parts all five points are measured. `shape_predictor_68_face_landmarks.dat`, the common file, was trained
    on the iBUG 300-W pictures, whose licence forbids commercial use: to have it here is the user's own decision.

    With 5 parts (`shape_predictor_5_face_landmarks.dat`, public domain) the eyes are measured. The nose tip and the
    mouth corners are estimates: an average face laid over the eyes and the base of the nose. They follow the place, size
    and roll of the face but neither its expression nor its turn: on portraits about 3 % of the box's side off in the
    mean, against 6 % for points guessed from the box alone.
    """

    def __init__(self, file: Path) -> None:
        if not file.is_file():
            raise DownloadError(
                f"{file} must be a file of one of dlib's shape predictors; it does not exist; give its path"
            )
        try:
            self._predictor = dlib.shape_predictor(str(file))
        except RuntimeError:
            raise DownloadError(
                f"{file} must be a file of one of dlib's shape predictors; dlib can not load it; unpack or fetch it again"
            ) from None
        num_parts = self._predictor(np.zeros((8, 8, 3), np.uint8), dlib.rectangle(0, 0, 7, 7)).num_parts
        if num_parts not in (5, 68):
            raise DownloadError(
                f"{file} must be a shape predictor of 68 or 5 parts; it has {num_parts}; give one of dlib's own"
            )

    def points(self, picture: Picture, box: Box) -> Points:
        """The five points of the face in `box`.

        Args:
            picture: (height, width, 3) uint8 RGB.
            box: A finder's box, from the brows to the chin; the predictors were trained with dlib's own finder.
        """
        edges = (round(v) for v in (box.x1, box.y1, box.x2 - 1, box.y2 - 1))
        found = self._predictor(np.ascontiguousarray(picture), dlib.rectangle(*edges))
        parts = np.array([(part.x, part.y) for part in found.parts()], dtype=np.float32)
        return _of_68(parts) if len(parts) == 68 else _of_5(parts)


def five_points(picture: Picture, box: Box) -> Points | None:
    """The five points through the 5-part predictor of the package `face_recognition_models`; None without it.

    The nose tip and the mouth corners are estimates, see `ShapePredictor`.

    Args:
        picture: (height, width, 3) uint8 RGB.
        box: A finder's box, from the brows to the chin.
    """
    predictor = _packaged()
    return None if predictor is None else predictor.points(picture, box)


@functools.cache
def _packaged() -> ShapePredictor | None:
    """The package's own file, found without importing it: that needs `pkg_resources`, which newer Pythons lack."""
    package = find_spec("face_recognition_models")
    folders = (package.submodule_search_locations if package else None) or []
    files = [Path(folder) / "models" / "shape_predictor_5_face_landmarks.dat" for folder in folders]
    return next((ShapePredictor(file) for file in files if file.is_file()), None)


def _of_68(parts: Points) -> Points:
    """The iBUG scheme: eyes are six parts each, 36 to 41 the person's right one."""
    right, left = parts[36:42].mean(axis=0), parts[42:48].mean(axis=0)
    return np.stack([right, left, parts[30], parts[48], parts[54]]).astype(np.float32)


def _of_5(parts: Points) -> Points:
    """Parts 0 and 1 are the corners of the person's left eye, 2 and 3 of the right one, 4 is the base of the nose.

    The average face is turned, scaled and shifted onto eyes and nose base in the sense of least squares; as numbers
    of the complex plane that is one factor and one offset.
    """
    right, left, base = _complex(parts[2:4]).mean(), _complex(parts[:2]).mean(), _complex(parts[4:])[0]
    measured = np.array([right, left, base])
    model = _complex(np.array([(-0.5, 0.0), (0.5, 0.0), NOSE_BASE]))
    centred = model - model.mean()
    factor = (centred.conj() * (measured - measured.mean())).sum() / (np.abs(centred) ** 2).sum()
    wanted = _complex(np.array([NOSE_TIP, (-MOUTH[0], MOUTH[1]), MOUTH]))
    guessed = measured.mean() + factor * (wanted - model.mean())
    points = np.concatenate([[right, left], guessed])
    return np.stack([points.real, points.imag], axis=1).astype(np.float32)


def _complex(points: npt.NDArray[np.floating]) -> npt.NDArray[np.complex128]:
    return np.asarray(points[:, 0] + 1j * points[:, 1], dtype=np.complex128)
