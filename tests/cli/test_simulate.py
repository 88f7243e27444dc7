from __future__ import annotations

import csv
import hashlib

import pytest
from PIL import Image

from faces.portraits import astronaut

from .conftest import paint

pytestmark = pytest.mark.usefixtures("middle")


@pytest.fixture
def faces(tmp_path):
    """Two people in a corner of a real picture, and a black picture without a face."""
    folder = tmp_path / "faces"
    folder.mkdir()
    for i in range(2):
        Image.fromarray(astronaut()[20 + 9 * i : 180 + 9 * i, 140:300]).save(folder / f"{i}.png")
    paint(folder / "dark.png", (0, 0, 0))
    return folder


def hashes(folder):
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def test_the_same_seed_the_same_bytes(bonaface, faces, tmp_path):
    first = bonaface("simulate", faces, tmp_path / "a", "--seed", 3)
    assert first.code == 0
    assert first.out == f"wrote 2 bonafide, 2 print, 2 replay, 2 faceswap and {tmp_path / 'a/manifest.csv'}\n"
    assert first.err == "left out: 1 no_face\n"
    bonaface("simulate", faces, tmp_path / "b", "--seed", 3)
    bonaface("simulate", faces, tmp_path / "c", "--seed", 4)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert len(hashes(tmp_path / "a")) == 9
    assert not set(hashes(tmp_path / "a").values()) & set(hashes(tmp_path / "c").values())


def test_the_manifest_says_what_was_made(bonaface, faces, tmp_path):
    bonaface("simulate", faces, tmp_path / "a", "--species", "print, spsc", "--per-subject", 2)
    rows = list(csv.DictReader((tmp_path / "a/manifest.csv").read_text().splitlines()))
    assert sorted((row["species"], row["label"]) for row in rows) == sorted(
        2 * [("bonafide", "bonafide")] + 4 * [("print", "attack")] + 4 * [("spsc", "attack")]
    )
    assert all((tmp_path / "a" / row["path"]).is_file() for row in rows)


def test_a_folder_with_files_in_it_is_left_alone(bonaface, faces, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a/mine.txt").write_text("keep")
    answer = bonaface("simulate", faces, tmp_path / "a")
    assert answer.sentence == (
        f"{tmp_path / 'a'} must be an empty or a new folder; it has files in it; choose another"
    )
    assert list(hashes(tmp_path / "a")) == ["mine.txt"]


def test_unknown_words(bonaface, faces, tmp_path):
    answer = bonaface("simulate", faces, tmp_path / "a", "--species", "prnt")
    assert "got 'prnt'" in answer.sentence
    assert answer.sentence.endswith("did you mean 'print'?")
    answer = bonaface("simulate", faces, tmp_path / "a", "--split", "tst")
    assert answer.sentence == "--split must be of train, dev, test; got 'tst'; did you mean 'test'?"
    assert not (tmp_path / "a").exists()


def test_sources_without_pictures(bonaface, tmp_path):
    (tmp_path / "empty").mkdir()
    answer = bonaface("simulate", tmp_path / "empty", tmp_path / "a")
    assert answer.sentence.startswith(f"{tmp_path / 'empty'} must have pictures in it; none was found")
    answer = bonaface("simulate", tmp_path / "no.csv", tmp_path / "a")
    assert answer.sentence.endswith("it does not exist; check the path")
