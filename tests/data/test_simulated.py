from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bonaface.data.manifest import Manifest, Row, check_files, read_manifest
from bonaface.data.simulated import manifest_of_folder, simulate
from bonaface.errors import ManifestError, SimulationError
from bonaface.faces.picture import read_picture
from bonaface.types import Box, Face, Picture
from bonaface.vocabulary import BONAFIDE, SPECIES, Label, Split


class MiddleFinder:
    """A face of half the width in the middle of every picture that is not black."""

    name = "middle"

    def find(self, picture: Picture) -> tuple[Face, ...]:
        height, width = picture.shape[:2]
        x, y = width / 4, height / 2 - width / 4
        return (Face(Box(x, y, x + width / 2, y + width / 2), 1.0),) if picture.any() else ()


def write(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        noise = np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(noise).save(folder / name)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_pictures_of_one_folder_are_one_subject(tmp_path):
    write(tmp_path, "zoe.png", "ann/1.png", "ann/2.png", "deep/bob/1.jpg")
    (tmp_path / "notes.txt").touch()
    manifest = manifest_of_folder(tmp_path)
    assert {row.path: row.subject for row in manifest.rows} == {
        "ann/1.png": "ann",
        "ann/2.png": "ann",
        "deep/bob/1.jpg": "deep/bob",
        "zoe.png": "zoe",
    }
    assert all(row.is_bonafide for row in manifest.rows)
    check_files(manifest)


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(SimulationError) as e:
        manifest_of_folder(tmp_path)
    assert str(e.value) == (
        f"{tmp_path} must have pictures in it; none was found; give a folder of bona fide faces"
    )


def test_every_picture_and_every_attack_is_written_with_its_row(tmp_path):
    write(tmp_path / "in", "ann.png", "bob.png", "fake.png")
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "in/wall.png")
    rows = [Row(f"{name}.png", Label.BONAFIDE, BONAFIDE, name) for name in ("ann", "bob", "wall")]
    rows.append(Row("fake.png", Label.ATTACK, SPECIES["diffusion"], "fake", licence="CC0-1.0"))
    ticks: list[int] = []
    made = simulate(
        Manifest(tuple(rows), tmp_path / "in"),
        tmp_path / "out",
        species=["spsc", "sdsc", "spsc"],
        finder=MiddleFinder(),
        per_subject=2,
        on_row=lambda: ticks.append(1),
    )
    assert made.counts == {"bonafide": 2, "spsc": 4, "sdsc": 4, "diffusion": 1}
    assert made.left_out == {"no_face": 1}
    assert len(ticks) == 4
    written = read_manifest(made.manifest)
    check_files(written)
    assert len({row.path for row in written.rows}) == 11
    for row in written.rows:
        assert read_picture(written.picture_path(row)).shape[2] == 3
        assert set(json.loads(row.parameters)) == {"attack", "capture"}
        assert bool(json.loads(row.parameters)["attack"]) == (row.species.name in {"spsc", "sdsc"})
    splits = {(row.subject, row.split) for row in written.rows}
    assert len(splits) == 3  # a subject's attacks are where the subject is
    assert {row.licence for row in written.rows if row.subject == "fake"} == {"CC0-1.0"}


def test_the_same_seed_gives_the_same_files_whatever_the_order(tmp_path):
    write(tmp_path / "in", "ann.png", "bob.png")
    manifest = manifest_of_folder(tmp_path / "in")
    turned = Manifest(manifest.rows[::-1], manifest.folder)
    made = {}
    for name, rows, seed in (("a", manifest, 0), ("b", turned, 0), ("c", manifest, 1)):
        simulate(rows, tmp_path / name, species=["sdsc"], finder=MiddleFinder(), seed=seed)
        made[name] = {path: data for path, data in contents(tmp_path / name).items() if path.endswith(".jpg")}
    assert made["a"] == made["b"]
    assert made["a"].keys() == made["c"].keys()
    assert all(made["a"][path] != made["c"][path] for path in made["a"])


def test_only_the_asked_splits_are_written(tmp_path):
    write(tmp_path / "in", "alice.png", "bob.png")  # by hash: train and dev
    made = simulate(
        manifest_of_folder(tmp_path / "in"),
        tmp_path / "out",
        species=[],
        finder=MiddleFinder(),
        splits=[Split.DEV],
    )
    assert [(row.subject, row.split) for row in read_manifest(made.manifest).rows] == [("bob", Split.DEV)]


def test_a_folder_with_files_is_refused_before_anything_is_written(tmp_path):
    write(tmp_path / "in", "ann.png")
    manifest = manifest_of_folder(tmp_path / "in")
    for out in (tmp_path / "in", tmp_path / "in/ann.png"):
        with pytest.raises(SimulationError) as e:
            simulate(manifest, out, species=["sdsc"], finder=MiddleFinder())
        assert str(e.value) == f"{out} must be an empty or a new folder; it has files in it; choose another"
    assert list(contents(tmp_path)) == ["in/ann.png"]


def test_what_can_not_be_simulated_is_refused(tmp_path):
    write(tmp_path / "in", "ann.png")
    manifest = manifest_of_folder(tmp_path / "in")
    how = {"out": tmp_path / "out", "finder": MiddleFinder()}
    with pytest.raises(SimulationError, match="did you mean 'sdsc'"):
        simulate(manifest, species=["sdcs"], **how)
    with pytest.raises(ManifestError, match="the pictures to simulate attacks of must have bonafide rows"):
        simulate(manifest, species=["sdsc"], splits=[], **how)
    (tmp_path / "in/ann.png").unlink()
    with pytest.raises(ManifestError, match="1 of 1 are missing"):
        simulate(manifest, species=["sdsc"], **how)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("first", "second", "name"),
    [
        ("a.bmp", "a.png", "bonafide/a.jpg"),
        ("x/b.png", "x_b.png", "bonafide/x_b.jpg"),
        ("c.png", "c_1.png", "sdsc/c_1.jpg"),  # the second attack made of c
    ],
)
def test_two_samples_are_never_written_to_one_file(tmp_path, first, second, name):
    write(tmp_path / "in", first, second)
    manifest = manifest_of_folder(tmp_path / "in")
    with pytest.raises(ManifestError) as e:
        simulate(manifest, tmp_path / "out", species=["sdsc"], finder=MiddleFinder(), per_subject=2)
    assert str(e.value) == (
        f"every sample must be a file of its own; {first} and {second} would both be written to {name}; rename one"
    )
    assert not (tmp_path / "out").exists()
