from __future__ import annotations

import json

import pytest

from bonaface.data.manifest import read_manifest
from uniattackdata_slice import LIVE, write_lists, write_pictures


@pytest.fixture
def slice_(tmp_path):
    return write_pictures(tmp_path / "data"), write_lists(tmp_path / "lists")


def test_a_protocol_becomes_a_manifest_that_can_be_audited(bonaface, slice_, tmp_path):
    root, lists = slice_
    out = tmp_path / "out/p1.csv"
    answer = bonaface("data", "protocol", "uniattackdata", "--root", root, "--lists", lists, "--out", out)
    assert (answer.code, answer.out) == (
        0,
        f"wrote {out}: train 1 bonafide and 3 attacks, dev 1 bonafide and 3 attacks, "
        "test 1 bonafide and 3 attacks\n",
    )
    assert answer.err.startswith(
        "note: train has 1 live, 1 physical, 1 adversarial, 1 digital; published are"
    )
    assert len(read_manifest(out).rows) == 12
    told = bonaface("data", "audit", out, "--pictures", 5, "--contents")
    assert told.code == 0
    assert "adversarial: 3 opened, JPEG, 112x112 (3)" in told.out
    assert "note: 2 people are in both train and test, e.g. CA-002" in told.out
    plain = json.loads(bonaface("data", "audit", out, "--json").out)
    assert [one["labels"] for one in plain["splits"]] == [{"attack": 3, "bonafide": 1}] * 3
    assert (plain["pictures"], plain["contents"]) == ([], None)


def test_missing_pictures_and_other_codings(bonaface, slice_, tmp_path):
    root, lists = slice_
    (root / LIVE["dev"]).unlink()
    words = [
        "data",
        "protocol",
        "uniattackdata",
        "--root",
        root,
        "--lists",
        lists,
        "--out",
        tmp_path / "p.csv",
    ]
    assert bonaface(*words).sentence == (
        f"every picture of the lists must be there; 1 of 12 are missing: {root / LIVE['dev']}; "
        "add them, or allow missing pictures"
    )
    answer = bonaface(*words, "--allow-missing", "--once")
    assert (answer.code, "left out: 1 rows without a picture" in answer.err) == (0, True)
    assert "label in the coding 'attack-one' must be" in bonaface(*words, "--coding", "attack-one").sentence
    assert "did you mean 'detailed'?" in bonaface(*words, "--coding", "detail").sentence
    assert "the protocol must be one of" in bonaface(*words, "--name", "p3").sentence
    (root / LIVE["test"]).write_bytes(b"no picture")
    assert (
        "note: 1 pictures could not be read"
        in bonaface("data", "audit", tmp_path / "p.csv", "--pictures", 9).out
    )


def test_a_package_of_the_challenge(bonaface, tmp_path):
    for number in (1, 2):
        (tmp_path / f"p2.1/train/{number}.jpg").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"p2.1/train/{number}.jpg").write_bytes(b"a picture")
    (tmp_path / "p2.1/train_label.txt").write_text("p2.1/train/1.jpg 0\np2.1/train/2.jpg 1\n")
    out = tmp_path / "m.csv"
    words = ["data", "protocol", "challenge", "--root", tmp_path, "--out", out, "--name", "p2.1"]
    answer = bonaface(*words, "--splits", "train")
    assert answer.out == f"wrote {out}: train 1 bonafide and 1 attacks\n"
    assert "every picture counts as a subject of its own" in answer.err
    assert [str(row.species.family) for row in read_manifest(out).rows] == ["None", "digital"]
    assert bonaface(*words, "--splits", "val").sentence == "--splits must be of train, dev, test; got 'val'"


def test_folders(bonaface, tmp_path):
    for path in ("val/real/ann/1.jpg", "val/print/bob/1.jpg"):
        (tmp_path / "data" / path).parent.mkdir(parents=True)
        (tmp_path / "data" / path).write_bytes(b"a picture")
    words = ["data", "protocol", "folders", "--root", tmp_path / "data", "--out", tmp_path / "m.csv"]
    answer = bonaface(*words, "--species-words", "real=bonafide", "--split-words", "val=dev")
    assert answer.out == f"wrote {tmp_path / 'm.csv'}: dev 1 bonafide and 1 attacks\n"
    assert bonaface(*words, "--split-words", "val").sentence == (
        "--split-words must be word=meaning, by commas; got 'val'"
    )


def test_manifests_are_joined(bonaface, slice_, tmp_path):
    root, lists = slice_
    one, out = tmp_path / "p1.csv", tmp_path / "joined/all.csv"
    bonaface("data", "protocol", "uniattackdata", "--root", root, "--lists", lists, "--out", one)
    picture = next(root.rglob("*.jpg"))
    other = tmp_path / "other.csv"
    other.write_text(f"path,label,species,subject,split\n{picture},bonafide,bonafide,new,dev\n")
    assert bonaface("data", "join", one, other, "--out", out).sentence.endswith("is in twice; leave one out")
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(picture.read_bytes())
    other.write_text(f"path,label,species,subject,split\n{copy.name},bonafide,bonafide,new,dev\n")
    answer = bonaface("data", "join", one, other, "--out", out)
    assert answer.out == (
        f"wrote {out}: train 1 bonafide and 3 attacks, dev 2 bonafide and 3 attacks, "
        "test 1 bonafide and 3 attacks\n"
    )
    assert read_manifest(out).rows[-1].path == str(copy)
    assert "wants two manifests or more" in bonaface("data", "join", one, "--out", out).err
    answer = bonaface("data", "join", other, "--attacks-of", one, "--out", out)
    assert answer.out == (
        f"wrote {out}: train 0 bonafide and 3 attacks, dev 1 bonafide and 3 attacks, "
        "test 0 bonafide and 3 attacks\n"
    )


def test_the_manifest_of_a_simulated_set_stays(bonaface, tmp_path):
    """Its pictures are made once more by it."""
    one, made = tmp_path / "one.csv", tmp_path / "made"
    made.mkdir()
    one.write_text("path,label,species,subject\na.jpg,bonafide,bonafide,ann\n")
    (made / "simulation.json").write_text("{}")
    (made / "manifest.csv").write_text("path,label,species,subject\nb.jpg,attack,print,bob\n")
    before = (made / "manifest.csv").read_text()
    other = tmp_path / "other.csv"
    other.write_text("path,label,species,subject\nc.jpg,attack,print,cem\n")
    answer = bonaface("data", "join", one, other, "--out", made / "manifest.csv")
    assert "must not replace the manifest of a simulated set" in answer.sentence
    assert (made / "manifest.csv").read_text() == before


def test_attacks_of_a_manifest_without_any(bonaface, tmp_path):
    for name in ("one", "two"):
        (tmp_path / f"{name}.csv").write_text(
            f"path,label,species,subject\n{name}.jpg,bonafide,bonafide,{name}\n"
        )
    answer = bonaface(
        "data",
        "join",
        tmp_path / "one.csv",
        "--attacks-of",
        tmp_path / "two.csv",
        "--out",
        tmp_path / "all.csv",
    )
    assert answer.sentence.endswith("all of its rows are bona fide; give the simulated set's manifest")
