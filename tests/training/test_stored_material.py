from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bonaface.contract import InputContract
from bonaface.data.manifest import Manifest
from bonaface.data.pairs import PairedPictures, Pairs
from bonaface.data.splits import check_leaks
from bonaface.errors import ManifestError
from bonaface.training.feeding import samples_of
from bonaface.training.stored_material import gather_stored
from bonaface.vocabulary import Split

from .tiny_clip import clip_recipe, pictures

CONTRACT = InputContract(finder="whole", size=16, min_face_px=8)


def gathered(rows, folder, **changes):
    return gather_stored(Manifest(tuple(rows), folder), **{"contract": CONTRACT} | changes)


def test_train_and_dev_are_read_and_test_is_not_opened(tmp_path):
    rows = pictures(tmp_path)
    test = [
        replace(row, path=f"nowhere/{row.path}", split=Split.TEST, subject=f"x{row.subject}") for row in rows
    ]
    seen = []
    found = gathered([*rows, *test], tmp_path, on_row=lambda: seen.append(1))
    assert len(seen) == 20
    assert [one.path.name for one in found.pictures] == [f"train-{number}.png" for number in range(10)]
    assert len(found.dev) == 10
    assert found.dev.species_names == ("bonafide", "print", "faceswap")
    assert found.sources == {
        ("made", "CC0-1.0", "bonafide"): 8,
        ("made", "CC0-1.0", "print"): 6,
        ("made", "CC0-1.0", "faceswap"): 6,
    }
    assert (found.scenes, found.left_out) == ((), {})
    recipe = clip_recipe("nowhere")
    samples = samples_of(recipe, found)
    assert isinstance(samples, PairedPictures)
    assert len(samples) == 12
    assert samples[0]["crop"].shape == (recipe.contract.size, recipe.contract.size, 3)


def test_pictures_that_a_gate_would_refuse_are_left_out_and_counted(tmp_path):
    rows = pictures(tmp_path)
    (tmp_path / "train-0.png").write_bytes(b"")
    (tmp_path / "dev-1.png").write_bytes(b"no picture")
    found = gathered(rows, tmp_path, contract=replace(CONTRACT, min_face_px=45))
    assert found.left_out == {"empty_file": 1, "not_an_image": 1, "face_too_small": 9}
    assert len(found.pictures) + len(found.dev) == 9
    for index in range(len(found.dev)):
        assert found.dev[index]["crop"].shape == (16, 16, 3)


def test_a_file_that_is_missing(tmp_path):
    rows = pictures(tmp_path)
    (tmp_path / "train-3.png").unlink()
    with pytest.raises(
        ManifestError, match=r"^every picture of the manifest must be there; 1 of 20 are missing: "
    ):
        gathered(rows, tmp_path)


def test_a_split_without_a_class(tmp_path):
    rows = pictures(tmp_path)
    with pytest.raises(
        ManifestError, match=r"^the train split must have bonafide rows; it has none among 6; add"
    ):
        gathered([row for row in rows if row.split is Split.DEV or not row.is_bonafide], tmp_path)
    with pytest.raises(ManifestError, match=r"^the dev split must have attacks; it has none; add"):
        gathered([row for row in rows if row.split is Split.TRAIN or row.is_bonafide], tmp_path)


def test_people_in_two_splits_are_an_error_unless_a_protocol_put_them_there(tmp_path):
    rows = [replace(row, subject=row.subject.partition("-")[2]) for row in pictures(tmp_path)]
    with pytest.raises(ManifestError, match=r"^every subject must be in one split; 10 are in several"):
        gathered(rows, tmp_path)
    official = [replace(row, groups={"protocol": "p1"}) for row in rows]
    assert len(gathered(official, tmp_path).pictures) == 10
    with pytest.raises(
        ManifestError, match=r"^every subject must be in one split; 1 are in several, e\.g\. '3'"
    ):
        check_leaks(Manifest((*official, rows[3], rows[13]), tmp_path))


def test_pairs_need_attacks_in_train(tmp_path):
    rows = [row for row in pictures(tmp_path) if row.split is Split.DEV or row.is_bonafide]
    found = gathered(rows, tmp_path)
    with pytest.raises(ManifestError, match="pairs need pictures of attacks in the train split; it has none"):
        PairedPictures(found.pictures, contract=CONTRACT, how=Pairs(resize=20), seed=0)
    assert np.asarray(found.dev[0]["crop"]).shape == (16, 16, 3)
