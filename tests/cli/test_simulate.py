from __future__ import annotations

import csv
import hashlib
import json
import os
import signal

import pytest
from PIL import Image

from bonaface.attacks.simulations import SIMULATIONS
from bonaface.data.manifest import read_manifest
from bonaface.vocabulary import Family
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
    assert first.err == "left out: 1 no_face (no face was found)\n"
    bonaface("simulate", faces, tmp_path / "b", "--seed", 3)
    bonaface("simulate", faces, tmp_path / "c", "--seed", 4)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")
    assert len(hashes(tmp_path / "a")) == 8 + 3  # manifest.csv, simulation.json and its journal
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
        f"{tmp_path / 'a'} must be a new or an empty folder, or one that the same command began; "
        "it has other files in it; choose another"
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
    (tmp_path / "one.JPG").write_bytes(b"a picture")
    answer = bonaface("simulate", tmp_path / "one.JPG", tmp_path / "a")
    assert answer.sentence == (
        f"{tmp_path / 'one.JPG'} must be a folder of pictures or a manifest; it is a picture; give the folder it is in"
    )
    answer = bonaface("simulate", tmp_path / "no.csv", tmp_path / "a")
    assert answer.sentence == (
        f"{tmp_path / 'no.csv'} must be a folder of pictures or a manifest; it does not exist; check the path"
    )


def test_the_help_names_every_simulation(bonaface):
    words = bonaface("simulate", "--help").out.replace("│", " ").replace(",", " ").split()
    assert set(SIMULATIONS) <= {word.strip("();:.") for word in words}


def test_all_options_at_once(bonaface, faces, tmp_path):
    answer = bonaface(
        "simulate", faces, tmp_path / "a", "--species", "faceswap+print,faceswap", "--per-subject", 3,
        "--strength", "0.4,0.5", "--face-px", "70", "--variant", "print=laser,photo", "--variant", "faceswap=alpha", "--masks",
        "--shards", 2,
    )  # fmt: skip
    assert answer.code == 0
    made = tmp_path / "a"
    assert answer.out == f"wrote 2 bonafide, 6 faceswap+print, 6 faceswap and {made / 'manifest.csv'}\n"
    assert len(list((made / "masks").rglob("*.png"))) == 12
    assert len(list(made.glob("manifest-0000?-of-00002.parquet"))) == 2
    settings = json.loads((made / "simulation.json").read_text())["settings"]
    assert settings["variants"] == {"print": ["laser", "photo"], "faceswap": ["alpha"]}
    assert settings["strength"] == [0.4, 0.5]
    assert settings["face_px"] == [70.0, 70.0]
    row = read_manifest(made / "manifest.csv").rows[1]
    assert row.species.name == "faceswap+print"
    assert row.species.family is Family.PHYSICAL
    assert json.loads(row.parameters)["attack"][0]["blend"] == "alpha"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_and_a_second_call_change_nothing(bonaface, faces, tmp_path):
    how = ("--species", "sdsc", "--per-subject", 20)
    bonaface("simulate", faces, tmp_path / "a", *how)
    bonaface("simulate", faces, tmp_path / "b", *how, "--workers", 2)
    first, second = hashes(tmp_path / "a"), hashes(tmp_path / "b")
    del first["simulation.jsonl"], second["simulation.jsonl"]  # in the order in which they were made
    assert first == second
    before = hashes(tmp_path / "b")
    answer = bonaface("simulate", faces, tmp_path / "b", *how)
    assert answer.out == f"wrote 2 bonafide, 40 sdsc and {tmp_path / 'b/manifest.csv'}\n"
    assert hashes(tmp_path / "b") == before


def test_a_stopped_run_says_how_to_go_on(bonaface, faces, tmp_path, monkeypatch):
    from bonaface.data.simulation_maker import Maker

    made, how = Maker.made, ("--species", "sdsc", "--per-subject", 20)

    def interrupted(self, batch):
        os.kill(os.getpid(), signal.SIGINT)
        return made(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Maker, "made", interrupted)
        answer = bonaface("simulate", faces, tmp_path / "a", *how)
    assert (answer.code, answer.out) == (130, "")
    assert answer.err == "stopped after 16 of 63; the same command goes on\n"
    assert bonaface("simulate", faces, tmp_path / "a", *how).code == 0
    bonaface("simulate", faces, tmp_path / "b", *how)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b")


def test_two_people(bonaface, faces, tmp_path):
    rows = [f"{i}.png,bonafide,bonafide,person {i},train" for i in range(2)]
    (faces / "m.csv").write_text("\n".join(["path,label,species,subject,split", *rows]))
    answer = bonaface("simulate", faces / "m.csv", tmp_path / "a", "--species", "swap,morph+print")
    assert answer.out.startswith("wrote 2 bonafide, 2 swap, 2 morph+print and")
    assert answer.err == (
        "note: eyes, nose and mouth were guessed from the face's box; --finder yunet finds them\n"
    )
    (faces / "m.csv").write_text("\n".join(["path,label,species,subject,split", rows[0]]))
    answer = bonaface("simulate", faces / "m.csv", tmp_path / "b", "--species", "swap")
    assert answer.sentence.startswith(
        "swap needs bona fide pictures of two people in one split; got 1 in train;"
    )
    assert not (tmp_path / "b").exists()


def test_a_picture_once_more(bonaface, faces, tmp_path):
    bonaface("simulate", faces, tmp_path / "a", "--species", "faceswap+print")
    manifest = tmp_path / "a/manifest.csv"
    for number, row in enumerate(csv.DictReader(manifest.read_text().splitlines()), start=1):
        for word in (row["path"], number):
            out = tmp_path / "again" / f"{number}-{str(word).replace('/', '-')}.jpg"
            answer = bonaface("simulate", "--replay", word, manifest, out)
            assert (answer.code, answer.out) == (0, f"wrote {out}\n")
            assert out.read_bytes() == (tmp_path / "a" / row["path"]).read_bytes()
    assert bonaface("simulate", "--replay", 1, manifest, out).sentence == (
        f"{out} must be a new file; it is there already; choose another"
    )
    assert (
        "did you mean 'bonafide/0.jpg'?"
        in bonaface("simulate", "--replay", "bonafide/0.jgp", manifest, out).sentence
    )


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("--strength", "1", "--strength must be two numbers with a comma, e.g. 0.7,1.1; got '1'"),
        ("--strength", "a,b", "--strength must be two numbers with a comma, e.g. 0.7,1.1; got 'a,b'"),
        ("--strength", "nan,1", "--strength must be two numbers with a comma, e.g. 0.7,1.1; got 'nan,1'"),
        (
            "--strength",
            "1,9",
            "the strength must be a range within (0, 1.5], the smaller number first; got 1 to 9",
        ),
        ("--face-px", "a", "--face-px must be a number or two with a comma, e.g. 80 or 60,320; got 'a'"),
        (
            "--face-px",
            "20",
            "faces must be from 48 to 512 pixels, the smaller number first; got 20 to 20",
        ),
        ("--variant", "laser", "--variant must be species=mechanism, e.g. print=laser; got 'laser'"),
        ("--variant", "print=", "--variant must be species=mechanism, e.g. print=laser; got 'print='"),
        (
            "--variant",
            "print=lazer",
            "a variant of print must be one of copier, canvas, laser, mixed, inkjet, photo; got 'lazer'; did you mean 'laser'?",
        ),
        ("--shards", 100, "shards must be at most the manifest's rows, 12; got 100"),
    ],
)
def test_options_that_can_not_be(bonaface, faces, tmp_path, option, value, sentence):
    assert bonaface("simulate", faces, tmp_path / "a", option, value).sentence == sentence
    assert not (tmp_path / "a").exists()


def test_the_finder_is_one_that_is_there(bonaface, faces, tmp_path):
    answer = bonaface("simulate", faces, tmp_path / "a", "--finder", tmp_path / "no.onnx")
    assert answer.sentence.startswith(f"{tmp_path / 'no.onnx'} must be YuNet's ONNX file; it does not exist")


def test_a_set_inside_its_source_would_eat_itself(bonaface, faces, tmp_path):
    folder = faces
    for words in (("simulate",), ("data", "simuad")):
        assert bonaface(*words, folder, folder / "sim").sentence == (
            f"{folder / 'sim'} must not lie in {folder}: what is made there would be taken for its pictures; choose a folder beside it"
        )
    assert not (folder / "sim").exists()
