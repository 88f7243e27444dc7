from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bonaface.attacks.anatomy import AVERAGE, anatomy
from bonaface.attacks.mesh import (
    brought_near,
    chained,
    control_points,
    depth_inside,
    face_matrix,
    flat_maps,
    frame_points,
    inverse,
    mesh_maps,
    moved,
    similarity,
    triangles,
    warped,
)
from bonaface.attacks.scene import Scene, face_ellipse_mask
from bonaface.errors import SimulationError
from bonaface.types import Box

TURN = np.array([[0.8, -0.6, 7.0], [0.6, 0.8, -3.0]]) * [2, 2, 1]
"""Twice as large, turned by the angle of a 3-4-5 triangle, shifted."""
STILL = np.array([[1.0, 0, 0], [0, 1, 0]])


def corner_points(rng: np.random.Generator, count: int, size: int) -> np.ndarray:
    return rng.uniform(0, size, (count, 2)).astype(np.float32)


def test_a_known_similarity_is_found():
    points = corner_points(np.random.default_rng(0), 5, 100)
    assert similarity(points, moved(points, TURN)) == pytest.approx(TURN, abs=1e-4)


def test_no_nearby_similarity_fits_better():
    rng = np.random.default_rng(1)
    source, target = corner_points(rng, 5, 100), corner_points(rng, 5, 100)

    def error(a: float, b: float, x: float, y: float) -> float:
        return float(((source @ np.array([[a, b], [-b, a]]) + [x, y] - target) ** 2).sum())

    found = similarity(source, target)
    a, b, x, y = found[0, 0], found[1, 0], found[0, 2], found[1, 2]
    assert found[1, 1] == a
    assert found[0, 1] == -b
    for da, db, dx, dy in rng.normal(0, [0.01, 0.01, 1, 1], (200, 4)):
        assert error(a + da, b + db, x + dx, y + dy) > error(a, b, x, y)


def test_there_and_back():
    points = corner_points(np.random.default_rng(2), 9, 50)
    assert moved(moved(points, TURN), inverse(TURN)) == pytest.approx(points, abs=1e-4)
    assert chained(TURN, inverse(TURN)) == pytest.approx(STILL, abs=1e-12)
    other = np.array([[1, 0.2, 5], [0, 1.1, 6]])
    assert moved(points, chained(TURN, other)) == pytest.approx(moved(moved(points, TURN), other), abs=1e-3)


def test_without_landmarks_the_face_is_the_box(face_scene):
    box = face_scene.face
    expected = [[box.width, 0, box.x1], [0, box.height, box.y1]]
    assert face_matrix(face_scene) == pytest.approx(np.array(expected), abs=1e-4)
    frame = frame_points(face_scene)
    wide = box.squared(0.6)
    assert frame.min(axis=0) == pytest.approx([wide.x1, wide.y1], abs=1e-3)
    assert frame.max(axis=0) == pytest.approx([wide.x2, wide.y2], abs=1e-3)


def test_the_hull_is_the_edge_of_the_face_ellipse(face_scene):
    points = control_points(face_scene)
    assert points[:5] == pytest.approx(anatomy(face_scene).points)
    drawn = np.zeros(face_scene.size, np.uint8)
    cv2.fillPoly(drawn, [np.rint(points[5:]).astype(np.int32)], 1)
    ellipse = face_ellipse_mask(face_scene) > 0
    assert (drawn & ellipse).sum() / (drawn | ellipse).sum() > 0.93


def test_landmarks_move_the_mesh_with_the_face(face_scene):
    found = anatomy(face_scene).points
    turned = replace(face_scene, landmarks=moved(found, TURN), face=Box(0, 0, 200, 200))
    assert control_points(turned) == pytest.approx(moved(control_points(face_scene), TURN), abs=0.01)
    assert frame_points(turned) == pytest.approx(moved(frame_points(face_scene), TURN), abs=0.01)


@pytest.mark.parametrize(
    "landmarks",
    [
        AVERAGE * 80 * [-1, 1] + 100,
        np.c_[np.arange(5), np.arange(5)] * 10,
        np.full((5, 2), 50.0),
        np.full((5, 2), np.nan),
        AVERAGE * 4 + 50,
    ],
    ids=["mirrored", "a line", "a point", "not finite", "crowded"],
)
def test_landmarks_that_are_no_face_are_refused(face_scene, landmarks):
    with pytest.raises(SimulationError, match=r"right eye, left eye, nose tip.*; got \[\[.*or None$"):
        face_matrix(replace(face_scene, landmarks=landmarks.astype(np.float32)))


@given(seed=st.integers(0, 10_000), count=st.integers(4, 25))
@settings(max_examples=40)
def test_no_point_lies_in_a_triangles_circle(seed, count):
    """The definition of Delaunay's triangulation, point by point."""
    points = corner_points(np.random.default_rng(seed), count, 200)
    for corners in triangles(points):
        (ax, ay), (bx, by), (cx, cy) = points[corners].astype(float)
        d = 2 * (ax * (by - cy) + bx * (cy - ay) + cx * (ay - by))
        ux = ((ax**2 + ay**2) * (by - cy) + (bx**2 + by**2) * (cy - ay) + (cx**2 + cy**2) * (ay - by)) / d
        uy = ((ax**2 + ay**2) * (cx - bx) + (bx**2 + by**2) * (ax - cx) + (cx**2 + cy**2) * (bx - ax)) / d
        radius = np.hypot(ax - ux, ay - uy)
        others = np.delete(points, corners, axis=0)
        assert (np.hypot(others[:, 0] - ux, others[:, 1] - uy) > radius * (1 - 1e-4)).all()


def test_the_mesh_of_a_face_covers_its_frame(face_scene):
    points = np.concatenate([control_points(face_scene), frame_points(face_scene)])
    areas = [cv2.contourArea(points[corners]) for corners in triangles(points)]
    assert sum(areas) == pytest.approx((2.2 * face_scene.face.side) ** 2, rel=1e-4)


def slow_maps(target, source, size, beyond):
    """Each pixel through the barycentric coordinates of the triangle that it is in; and whether an edge is near."""
    places = np.full((*size, 2), np.nan)
    near_edge = np.zeros(size, bool)
    corners = triangles(target)
    for y in range(size[0]):
        for x in range(size[1]):
            places[y, x] = beyond @ [x, y, 1]
            for corner in corners:
                a, b, c = target[corner].astype(float)
                shares = np.linalg.solve(
                    np.array([[a[0], b[0], c[0]], [a[1], b[1], c[1]], [1, 1, 1]]), [x, y, 1]
                )
                heights = (
                    shares
                    * abs(np.linalg.det(np.c_[b - a, c - a]))
                    / [
                        np.linalg.norm(b - c),
                        np.linalg.norm(c - a),
                        np.linalg.norm(a - b),
                    ]
                )
                if (heights > -1).all() and (heights < 1).any():
                    near_edge[y, x] = True
                if (shares >= 0).all():
                    places[y, x] = shares @ source[corner]
    return places, near_edge


def test_maps_equal_barycentric_coordinates_pixel_by_pixel():
    rng = np.random.default_rng(3)
    target, source = corner_points(rng, 6, 24) + 3, corner_points(rng, 6, 60)
    maps = mesh_maps(target, source, (30, 28), beyond=TURN)
    places, near_edge = slow_maps(target, source, (30, 28), TURN)
    assert near_edge.mean() < 0.5
    assert np.stack(maps, axis=2)[~near_edge] == pytest.approx(places[~near_edge], abs=2e-3)


def test_a_mesh_onto_itself_leaves_every_byte(face_scene):
    points = np.concatenate([control_points(face_scene), frame_points(face_scene)])
    maps = mesh_maps(points, points, face_scene.size, beyond=STILL)
    assert (warped(face_scene.pixels, maps) == face_scene.pixels).all()


def test_flat_maps_and_the_depth_inside_by_hand():
    x, y = flat_maps(np.array([[2.0, 0, 1], [0, 1, -3]]), (3, 4))
    assert x.tolist() == [[1, 3, 5, 7]] * 3
    assert y.tolist() == [[-3] * 4, [-2] * 4, [-1] * 4]
    depth = depth_inside((x, y + 5), (6, 8))  # rows 2, 3 and 4 of 6; columns 1, 3, 5 and 7 of 8
    assert depth.tolist() == [[1.5, 2.5, 2.5, 0.5], [1.5, 2.5, 2.5, 0.5], [1.5, 1.5, 1.5, 0.5]]
    assert (depth_inside((x, y), (6, 8)) < 0).all()


@pytest.mark.parametrize("has_landmarks", [True, False])
@pytest.mark.parametrize("size", [30.0, 64.0, 90.0, 200.0])
def test_a_partner_of_any_size_lands_on_the_face(face_scene, has_landmarks, size):
    box = Box(11, 7, 11 + size, 7 + size)
    points = (AVERAGE * size + [11, 7]).astype(np.float32)
    pixels = np.zeros((int(2 * size), int(1.5 * size), 3), np.uint8)
    partner = Scene(pixels, box, points if has_landmarks else None)
    near, to_scene = brought_near(face_scene, partner)
    assert moved(anatomy(near).points, to_scene) == pytest.approx(anatomy(face_scene).points, abs=0.01)
    assert (near.landmarks is not None) == has_landmarks
    assert near.size[0] == pytest.approx(2 * near.face.side, abs=2)
    assert near.face.side <= max(size, face_scene.face.side + 0.01) if size > 107 else near is partner
