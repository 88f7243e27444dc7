from __future__ import annotations

import hashlib
import os
import signal

import pytest
from PIL import Image

from bonaface.data.manifest import read_manifest
from faces.portraits import astronaut

from .conftest import paint

pytestmark = pytest.mark.usefixtures("middle")

PEOPLE = [
    ("ann", "train"),
    ("bob", "train"),
    ("cid", "dev"),
    ("dan", "dev"),
    ("eve", "test"),
    ("fay", "test"),
]


@pytest.fixture
def faces(tmp_path):
    """A manifest of six people in corners of a real picture, a black picture and an attack."""
    folder = tmp_path / "faces"
    folder.mkdir()
    for number, (name, _) in enumerate(PEOPLE):
        Image.fromarray(astronaut()[20 + 4 * number : 180 + 4 * number, 140:300]).save(folder / f"{name}.png")
    paint(folder / "dark.png", (0, 0, 0))
    rows = [f"{name}.png,bonafide,bonafide,{name},{split}" for name, split in (*PEOPLE, ("dark", "dev"))]
    rows.append("ann.png,attack,diffusion,fake,train")
    (folder / "m.csv").write_text("\n".join(["path,label,species,subject,split", *rows]))
    return folder / "m.csv"


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_one_command_makes_it_and_another_checks_it(bonaface, faces, tmp_path):
    out = tmp_path / "out"
    answer = bonaface("data", "simuad", faces, out, "--captures", 3)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[:3] == [
        "train: 2 people, 6 bonafide, 58 attacks of 11 species",
        "dev: 2 people, 6 bonafide, 24 attacks of 11 species",
        "test: 2 people, 6 bonafide, 48 attacks of 11 species",
    ]
    assert lines[3].startswith("found by a simple probe (AUC): print ")
    assert lines[4] == f"wrote {out / 'CARD.md'} and 14 protocols"
    assert "left out: 1 attacks of the source, 1 pictures without a face that the finder found" in answer.err
    assert (
        "note: eyes, nose and mouth were guessed from the face's box; --finder yunet finds them" in answer.err
    )
    assert len(read_manifest(out / "protocols/S1.csv").rows) == 18 + 58 + 24 + 48
    before = hashes(out)
    told = bonaface("data", "simuad", "--audit-only", out)
    assert told.code == 0
    assert told.out.splitlines() == [
        f"every picture and every list of {out} has the sha256 of its card",
        lines[3],
    ]
    assert hashes(out) == before
    assert bonaface("data", "simuad", faces, out, "--captures", 3).code == 0
    assert hashes(out) == before
    (out / "CARD.md").unlink()
    card = (out / "card.json").read_text()
    (out / "card.json").write_text(card.replace('"bonafide_missed": 0', '"bonafide_missed": 1'))
    assert bonaface("data", "simuad", "--audit-only", out).err.endswith(
        "note: the card's own audit differs from this one; other versions of libraries may be the reason\n"
    )
    (out / "morph/eve.jpg").unlink()
    answer = bonaface("data", "simuad", "--audit-only", out)
    assert answer.sentence == (
        f"every file of {out} must have the sha256 of its card; 1 have not: morph/eve.jpg; "
        "take another copy, or build it anew"
    )


def test_a_stopped_build_says_how_to_go_on(bonaface, faces, tmp_path, monkeypatch):
    from bonaface.data.simulation_maker import Maker

    made = Maker.made

    def interrupted(self, batch):
        os.kill(os.getpid(), signal.SIGINT)
        return made(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Maker, "made", interrupted)
        answer = bonaface("data", "simuad", faces, tmp_path / "out")
    assert (answer.code, answer.out) == (130, "")
    assert answer.err == "stopped after 16 of 156; the same command goes on\n"
    assert not (tmp_path / "out/card.json").exists()
    assert bonaface("data", "simuad", "--audit-only", tmp_path / "out").sentence == (
        f"{tmp_path / 'out'} must be a benchmark that 'bonaface data simuad' has finished; it has no card.json; "
        "run the command that began it again"
    )


def test_a_stopped_audit(bonaface, tmp_path, monkeypatch):
    from bonaface.data.simuad import building

    monkeypatch.setattr(building, "audited", lambda *_, **__: None)
    answer = bonaface("data", "simuad", "--audit-only", tmp_path)
    assert (answer.code, answer.err) == (130, "stopped; the audit is not finished\n")


def test_a_folder_of_pictures_and_few_people(bonaface, faces, tmp_path):
    answer = bonaface("data", "simuad", faces.parent, tmp_path / "out")
    assert answer.sentence == (
        "each of train, dev, test must have a subject of whom every species can be made; train has none (4 attacks for "
        "which no second person with a face was found in the same split, 1 pictures without a face that the finder found); "
        "give more portraits seen from the front"
    )
    assert not (tmp_path / "out/manifest.csv").exists()
    alone = tmp_path / "alone"
    alone.mkdir()
    (faces.parent / "ann.png").rename(alone / "ann.png")
    answer = bonaface("data", "simuad", alone, tmp_path / "none")
    assert answer.sentence == (
        "a benchmark must have two people or more in each of train, dev, test; got 0 in train, 0 in dev, 1 in test; "
        "give pictures of more people, or fill the column 'split'"
    )
    assert not (tmp_path / "none").exists()


def test_what_can_not_be(bonaface, faces, tmp_path):
    def sentence(*words):
        return bonaface("data", "simuad", *words).sentence

    assert sentence() == "simuad must have FACES and OUT, or --audit-only OUT; give both folders"
    assert sentence(faces) == sentence()
    assert sentence(faces, "--audit-only", tmp_path) == (
        f"--audit-only must stand alone; got {faces} too; leave it out"
    )
    assert sentence(tmp_path / "no", tmp_path / "out") == (
        f"{tmp_path / 'no'} must be a folder of pictures or a manifest; it does not exist; check the path"
    )
    assert sentence(faces, faces.parent) == (
        f"{faces.parent} must be a new or an empty folder, or one that the same command began; "
        "it has other files in it; choose another"
    )
    assert sentence(faces, tmp_path / "out", "--subjects", 3) == (
        "at least 6 people must be asked for, two a split; got 3"
    )
    assert sentence(faces, tmp_path / "out", "--finder", tmp_path / "no.onnx").startswith(
        f"{tmp_path / 'no.onnx'} must be YuNet's ONNX file; it does not exist"
    )
    (faces.parent / "bob.png").unlink()
    assert sentence(faces, tmp_path / "out").startswith("every picture of the manifest must be there; 1 of 7")
    assert not (tmp_path / "out").exists()
