from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bonaface.data.manifest import read_manifest
from bonaface.data.provenance import provenance_of, replayed
from bonaface.errors import PictureError, SimulationError

from .test_simulated import EVERYTHING, POINTS, PickyFinder, made, of_split, write

KINDS = {"boxes": (None, None), "landmarks": (POINTS, None), "sizes": (POINTS, (52.0, 260.0))}


@pytest.fixture(scope="module", params=KINDS.values(), ids=KINDS)
def made_set(request, tmp_path_factory):
    """Every simulation of two people, with and without points or sizes of its own, beside the pictures that it was made of."""
    points, face_px = request.param
    folder = tmp_path_factory.mktemp("set")
    manifest = of_split(write(folder / "in", "ann.png", "deep/bob.png"))
    made(manifest, folder / "out", *EVERYTHING, finder=PickyFinder(points), face_px=face_px)
    return folder / "out/manifest.csv"


def test_every_picture_is_made_again_to_the_byte(made_set):
    read = read_manifest(made_set)
    assert len(read.rows) == 2 * (1 + len(EVERYTHING))
    for number, row in enumerate(read.rows, start=1):
        wanted = read.picture_path(row).read_bytes()
        assert replayed(made_set, row.path) == wanted, row.path
        assert replayed(made_set, str(number)) == wanted, row.path


def test_the_set_and_its_sources_move_together(made_set, tmp_path):
    import shutil

    shutil.copytree(made_set.parents[1], tmp_path / "moved")
    moved = tmp_path / "moved/out/manifest.csv"
    assert replayed(moved, "swap/ann.jpg") == (made_set.parent / "swap/ann.jpg").read_bytes()
    (tmp_path / "moved/in/deep/bob.png").unlink()
    with pytest.raises(PictureError, match=r"deep/bob\.png does not exist"):
        replayed(moved, "swap/ann.jpg")  # the partner's


def test_a_row_that_is_not_there(made_set):
    count = 2 * (1 + len(EVERYTHING))
    for wanted in ("0", str(count + 1)):
        with pytest.raises(SimulationError) as e:
            replayed(made_set, wanted)
        assert str(e.value) == f"a row of {made_set} must be from 1 to {count}; got {wanted}"
    with pytest.raises(SimulationError) as e:
        replayed(made_set, "swap/anne.jpg")
    assert str(e.value) == (
        f"a row of {made_set} must be its number from 1, or the path of its picture as written there; "
        "got 'swap/anne.jpg'; did you mean 'swap/ann.jpg'?"
    )


def test_parameters_that_nobody_wrote(made_set):
    row = read_manifest(made_set).rows[1]
    with pytest.raises(SimulationError) as e:
        provenance_of(replace(row, parameters=""))
    assert str(e.value) == (
        f"{row.path} must say in its column 'parameters' how it was made; it is empty; "
        "give the manifest of a simulated set"
    )
    with pytest.raises(SimulationError, match=f"the parameters of {row.path} must be as .* it: Invalid JSON"):
        provenance_of(replace(row, parameters="{"))
    plain = json.loads(row.parameters)
    for key, value, says in (("frame", [1, 2, 3], "frame.3"), ("capture", {}, "capture.seed")):
        with pytest.raises(SimulationError, match=f"{says}: "):
            provenance_of(replace(row, parameters=json.dumps({**plain, key: value})))


def test_points_survive_as_they_are(made_set):
    told = provenance_of(read_manifest(made_set).rows[0]).made_from
    if told.landmarks is not None:
        x1, y1, x2, y2 = told.face
        wanted = (np.array([x1, y1]) + POINTS * [x2 - x1, y2 - y1]).astype(np.float32)
        np.testing.assert_array_equal(np.array(told.landmarks, np.float32), wanted)
