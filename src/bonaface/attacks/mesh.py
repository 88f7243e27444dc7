"""A mesh over a face, and the warp that carries a picture from one mesh to another, flat on each triangle."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from bonaface.attacks.anatomy import AVERAGE, Points, anatomy
from bonaface.attacks.scene import Plane, Scene
from bonaface.errors import SimulationError
from bonaface.types import Picture

Matrix = npt.NDArray[np.float64]
"""(2, 3): columns for x, y and 1."""

Maps = tuple[Plane, Plane]
"""For every pixel of a target the x and the y of the source's pixel seen there."""

_ANGLES = np.linspace(0, 2 * np.pi, 12, endpoint=False)
HULL = np.stack([0.5 + 0.46 * np.cos(_ANGLES), 0.44 + 0.62 * np.sin(_ANGLES)], axis=1).astype(np.float32)
"""An ellipse from hairline to chin, in shares of the face box: the same as `face_ellipse_mask`'s."""

FRAME = np.array(
    [(x, y) for x in (-0.6, 0.5, 1.6) for y in (-0.6, 0.5, 1.6) if (x, y) != (0.5, 0.5)], np.float32
)
"""Corners and middles of the sides of a square about the face, in shares of its box: a scene's own room."""

_HOMOGENEOUS = np.c_[AVERAGE.astype(np.float64), np.ones(len(AVERAGE))]
_FIT = np.linalg.pinv(_HOMOGENEOUS)
_SUBPIXEL_BITS = 4


def similarity(source: npt.NDArray[np.floating], target: npt.NDArray[np.floating]) -> Matrix:
    """Turn, scale and shift that bring `source` (points, 2) nearest to `target` in the sense of least squares.

    Reference: Umeyama 1991, without reflections.
    """
    source_mean, target_mean = source.mean(axis=0, dtype=np.float64), target.mean(axis=0, dtype=np.float64)
    a, b = source - source_mean, target - target_mean
    cos, sin = float((a * b).sum()), float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum())
    turn = np.array([[cos, -sin], [sin, cos]]) / float((a * a).sum())
    return np.asarray(np.c_[turn, target_mean - turn @ source_mean])


def inverse(matrix: Matrix) -> Matrix:
    """The way back."""
    back = np.linalg.inv(matrix[:, :2])
    return np.asarray(np.c_[back, -back @ matrix[:, 2]])


def chained(first: Matrix, then: Matrix) -> Matrix:
    """One matrix that does `first` and then the other."""
    return np.asarray(then[:, :2] @ first + np.c_[np.zeros((2, 2)), then[:, 2]])


def moved(points: npt.NDArray[np.floating], matrix: Matrix) -> Points:
    """The points (points, 2) where the matrix carries them."""
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)


def face_matrix(scene: Scene) -> Matrix:
    """From shares of an average face's box to the scene's pixels, affine, fitted to the face's five points.

    Raises:
        SimulationError: If the landmarks are mirrored, in one line, not finite or crowded on a small part of the face.
    """
    points = anatomy(scene).points
    matrix = np.asarray((_FIT @ np.nan_to_num(points)).T)
    (a, b, _), (c, d, _) = matrix
    if not (np.isfinite(points).all() and a * d - b * c > 0.02 * scene.face.side**2):
        raise SimulationError(
            "a scene's landmarks must be right eye, left eye, nose tip, right and left mouth corner, spread over "
            f"the face; got {np.round(points, 1).tolist()}; give the finder's own, or None"
        )
    return matrix


def control_points(scene: Scene) -> Points:
    """(17, 2): the five points of the face and its hull of 12, in pixels; hull points may lie outside the picture."""
    return np.concatenate([anatomy(scene).points, moved(HULL, face_matrix(scene))])


def frame_points(scene: Scene) -> Points:
    """(8, 2): the frame about the face, in pixels, turned as the face is; where a warp ends."""
    return moved(FRAME, similarity(AVERAGE, anatomy(scene).points))


def triangles(points: Points) -> npt.NDArray[np.intp]:
    """Delaunay triangulation: (triangles, 3) indices into `points` (points, 2), those of no area left out."""
    low, high = np.floor(points.min(axis=0)) - 2, np.ceil(points.max(axis=0)) + 2
    plan = cv2.Subdiv2D((int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])))
    index = {(float(x), float(y)): number for number, (x, y) in reversed(list(enumerate(points)))}
    plan.insert(list(index))
    found = []
    for ax, ay, bx, by, cx, cy in np.asarray(plan.getTriangleList()).tolist():
        places = (ax, ay), (bx, by), (cx, cy)
        if all(place in index for place in places):  # the others hang on the plan's own outer triangle
            found.append([index[place] for place in places])
    corners = np.array(found, dtype=np.intp).reshape(-1, 3)
    (x1, y1), (x2, y2), (x3, y3) = points[corners].transpose(1, 2, 0).astype(np.float64)
    return np.asarray(corners[np.abs((x2 - x1) * (y3 - y1) - (x3 - x1) * (y2 - y1)) > 0.02])


def mesh_maps(target: Points, source: Points, size: tuple[int, int], *, beyond: Matrix) -> Maps:
    """The warp that shows the source's mesh on the target's: affine on each triangle of the target.

    Args:
        target: (points, 2) in pixels of the result; at most 100 of them.
        source: The same points in pixels of the source.
        size: (height, width) of the result.
        beyond: From the result's pixels to the source's outside all triangles.
    """
    corners = triangles(target)
    fixed = np.rint(target * 2**_SUBPIXEL_BITS).astype(np.int32)
    ids = np.zeros(size, dtype=np.uint8)
    table = np.zeros((256, 6), dtype=np.float32)
    table[0] = beyond.ravel()
    for number, corner in enumerate(corners, start=1):
        cv2.fillConvexPoly(ids, fixed[corner], number, shift=_SUBPIXEL_BITS)
    homogeneous = np.concatenate([target[corners], np.ones((len(corners), 3, 1), np.float32)], axis=2)
    pieces = np.linalg.solve(homogeneous.astype(np.float64), source[corners].astype(np.float64))
    table[1 : len(corners) + 1] = pieces.transpose(0, 2, 1).reshape(-1, 6)
    x = np.arange(size[1], dtype=np.float32)[None, :]
    y = np.arange(size[0], dtype=np.float32)[:, None]
    a, b, c, d, e, f = (cv2.LUT(ids, np.ascontiguousarray(column)) for column in table.T)
    return a * x + b * y + c, d * x + e * y + f


def flat_maps(matrix: Matrix, size: tuple[int, int]) -> Maps:
    """The warp by one matrix, from the result's pixels to the source's."""
    x = np.arange(size[1], dtype=np.float32)[None, :]
    y = np.arange(size[0], dtype=np.float32)[:, None]
    (a, b, c), (d, e, f) = matrix.astype(np.float32)
    return a * x + (b * y + c), d * x + (e * y + f)


def warped(picture: Picture, maps: Maps) -> Picture:
    """The picture seen through the maps, bicubic; beyond its edges it is mirrored."""
    return np.asarray(
        cv2.remap(picture, maps[0], maps[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101),
        dtype=np.uint8,
    )


def depth_inside(maps: Maps, size: tuple[int, int]) -> Plane:
    """How far from its border the maps look into a source of (height, width) `size`, in pixels; negative outside."""
    height, width = size
    inside_x = np.minimum(maps[0] + np.float32(0.5), np.float32(width - 0.5) - maps[0])
    inside_y = np.minimum(maps[1] + np.float32(0.5), np.float32(height - 0.5) - maps[1])
    return np.asarray(np.minimum(inside_x, inside_y), dtype=np.float32)


def brought_near(scene: Scene, partner: Scene) -> tuple[Scene, Matrix]:
    """The partner and the similarity from its pixels to the scene's that brings its five points onto the scene's.

    A partner whose face is far larger is made smaller first, so that a warp to the scene does not alias.

    Raises:
        SimulationError: If either's landmarks do not span a face.
    """
    for one in (scene, partner):
        face_matrix(one)
    matrix = similarity(anatomy(partner).points, anatomy(scene).points)
    factor = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if factor >= 0.75:
        return partner, matrix
    height, width = partner.size
    size = (max(round(width * factor), 1), max(round(height * factor), 1))
    small = cv2.resize(np.ascontiguousarray(partner.pixels), size, interpolation=cv2.INTER_AREA)
    points = None if partner.landmarks is None else partner.landmarks * np.float32(factor)
    near = Scene(np.asarray(small, np.uint8), partner.face.scaled(factor), points)
    return near, np.asarray(np.c_[matrix[:, :2] / factor, matrix[:, 2]])
