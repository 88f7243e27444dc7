"""Which cells are hidden, and which regions they belong to."""

import numpy as np
import pytest

from bonaface.attacks.scene import Scene
from bonaface.contract import InputContract
from bonaface.data.facial_regions import (
    HIDEABLE,
    REGIONS,
    average_points,
    points_in_crop,
    regions_of,
)
from bonaface.data.masking import drawn_hidden
from bonaface.types import Box

CONTRACT = InputContract(size=224)
SIDE = 14


def members(points=None):
    return regions_of(average_points(CONTRACT) if points is None else points, size=224, cells_per_side=SIDE)


def cell_of(point):
    return int(point[1] // 16) * SIDE + int(point[0] // 16)


def test_every_cell_shows_something():
    found = members()
    assert found.shape == (8, SIDE * SIDE)
    assert found.any(axis=0).all() and found.any(axis=1).all()


def test_parts_are_where_their_points_are():
    points, found = average_points(CONTRACT), members()
    eyes, nose, mouth = (REGIONS.index(name) for name in ("eyes", "nose", "mouth"))
    assert found[eyes, cell_of(points[0])] and found[eyes, cell_of(points[1])]
    assert found[nose, cell_of(points[2])]
    assert found[mouth, cell_of(points[3:].mean(axis=0))]
    assert found[REGIONS.index("hair"), cell_of((112, 4))]
    assert found[REGIONS.index("background"), cell_of((4, 4))]
    assert not found[REGIONS.index("hair"), cell_of((112, 220))]  # under the chin is no hair


def test_regions_turn_with_the_face():
    """A quarter turn of the points turns the regions, cell for cell but for rounding."""
    points = average_points(CONTRACT)
    middle = points[:2].mean(axis=0)
    centred = points - middle + 112  # turned about the middle of the crop, which the eyes are brought to
    turned = np.stack((224 - centred[:, 1], centred[:, 0]), axis=1).astype(np.float32)
    upright = members(centred.astype(np.float32)).reshape(8, SIDE, SIDE)
    found = members(turned).reshape(8, SIDE, SIDE)
    for place, name in enumerate(REGIONS):
        again = np.rot90(upright[place], -1)
        assert (again != found[place]).mean() < 0.06, name


def test_points_follow_the_crop():
    """The crop's own arithmetic, by hand: a face of 100 px with a margin of a tenth is cut as 120 and brought to 224."""
    contract = InputContract(size=224, margin_ratio=0.1)
    landmarks = np.array([[60, 70], [120, 70], [90, 100], [70, 130], [110, 130]], np.float32)
    scene = Scene(np.zeros((200, 200, 3), np.uint8), Box(40, 50, 140, 150), landmarks)
    found = points_in_crop(scene, scene.face, contract)
    np.testing.assert_allclose(found[0], [(60 - 30) * 224 / 120, (70 - 40) * 224 / 120], rtol=1e-6)


def test_an_average_face_has_average_points():
    scene = Scene(np.zeros((300, 300, 3), np.uint8), Box(100, 90, 200, 190))
    np.testing.assert_allclose(
        points_in_crop(scene, scene.face, CONTRACT), average_points(CONTRACT), atol=1e-3
    )


@pytest.mark.parametrize("ratio", [0.25, 0.5, 0.75, 0.9])
def test_the_budget_is_kept_to_the_cell(ratio):
    found = members()
    for seed in range(40):
        hidden = drawn_hidden(found, np.random.default_rng(seed), ratio=ratio)
        assert hidden.cells.sum() == round(ratio * 196)
        assert not (hidden.region & ~hidden.cells).any()


def test_one_region_is_hidden_whole_and_the_rest_in_proportion():
    found, chosen = members(), set()
    for seed in range(60):
        hidden = drawn_hidden(found, np.random.default_rng(seed), ratio=0.75)
        whole = [place for place in range(8) if np.array_equal(hidden.region, found[place])]
        assert len(whole) == 1 and whole[0] < HIDEABLE
        chosen.add(whole[0])
        outside = ~hidden.region
        share = (147 - hidden.region.sum()) / outside.sum()
        skin = found[REGIONS.index("skin")] & outside
        assert hidden.cells[skin].mean() == pytest.approx(share, abs=0.12)
    assert chosen == set(range(HIDEABLE))


def test_a_region_larger_than_the_budget_is_hidden_in_part():
    found = np.zeros((8, 20), bool)
    found[0, :16] = True
    found[7, 16:] = True
    hidden = drawn_hidden(found, np.random.default_rng(0), ratio=0.5)
    assert hidden.cells.sum() == 10 and np.array_equal(hidden.cells, hidden.region)
    assert not hidden.cells[16:].any()


def test_without_a_region_cells_are_drawn_from_what_is_there():
    found = np.zeros((8, 20), bool)
    found[7] = True
    hidden = drawn_hidden(found, np.random.default_rng(0), ratio=0.5)
    assert hidden.cells.sum() == 10 and not hidden.region.any()


def test_draws_repeat():
    found = members()
    first, again = (drawn_hidden(found, np.random.default_rng(5), ratio=0.75) for _ in range(2))
    assert np.array_equal(first.cells, again.cells)
