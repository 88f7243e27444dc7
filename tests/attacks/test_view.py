from __future__ import annotations

import numpy as np
import pytest

from bonaface.attacks.view import View, beyond_edge, draw_view, look, moved_box, moved_points, source_maps
from bonaface.types import Box


def test_the_plain_view_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    maps = source_maps(View(), 40, 56)
    assert np.abs(look(pixels, maps).astype(int) - pixels).max() <= 1
    box = moved_box(View(), Box(10, 10, 30, 30), 40, 56)
    assert (box.x1, box.y1, box.x2, box.y2) == pytest.approx((10, 10, 30, 30), abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("shows_edge", [False, True])
def test_moved_points_invert_the_maps(seed, shows_edge):
    view = draw_view(np.random.default_rng(seed), strength=1.5, shows_edge=shows_edge)
    map_x, map_y = source_maps(view, 120, 90)
    seen = np.array([[20, 30], [60, 100], [45, 60]])
    sources = np.array([[map_x[y, x], map_y[y, x]] for x, y in seen], dtype=np.float64)
    assert moved_points(view, sources, 120, 90) == pytest.approx(seen, abs=0.05)


@pytest.mark.parametrize("seed", range(12))
def test_a_view_that_fills_the_frame_looks_past_no_edge_by_more_than_a_hair(seed):
    view = draw_view(np.random.default_rng(seed), strength=1.0, shows_edge=False)
    maps = source_maps(view, 200, 160)
    assert float(beyond_edge(maps, 200, 160).max()) < 2.0


def test_a_view_of_the_edge_shows_it():
    view = draw_view(np.random.default_rng(0), strength=1.0, shows_edge=True)
    assert float(beyond_edge(source_maps(view, 200, 160), 200, 160).max()) > 2.0


def test_turning_is_clockwise_and_zoom_enlarges():
    view = View(rotation_deg=90.0, zoom=2.0, fills_frame=False)
    right_of_centre = np.array([[60.0, 49.5]])
    moved = moved_points(view, right_of_centre, 100, 100)
    assert moved == pytest.approx(np.array([[49.5, 49.5 + 2 * 10.5]]), abs=1e-6)
    box = moved_box(View(zoom=2.0), Box(40, 40, 59, 59), 100, 100)
    assert box.side == pytest.approx(38)


def test_maps_are_within_a_fiftieth_pixel_of_the_exact_view():
    view = View(rotation_deg=4, tilt_x=0.12, tilt_y=-0.12, zoom=1.03, bend=0.05, bend_deg=80, barrel=0.012)
    map_x, map_y = source_maps(view, 320, 256)
    ys, xs = np.mgrid[3:320:37, 5:256:31]
    sources = np.stack([map_x[ys, xs], map_y[ys, xs]], axis=-1).reshape(-1, 2).astype(np.float64)
    back = moved_points(view, sources, 320, 256)
    assert np.abs(back - np.stack([xs, ys], axis=-1).reshape(-1, 2)).max() < 0.03
