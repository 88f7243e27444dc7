from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from bonaface.cli.check import FIELDS, exit_code, expanded
from bonaface.errors import BonafaceError
from tiny_bundle import CONTRACT, tiny_bundle

from .conftest import BLUE, RED, MiddleFinder, paint

pytestmark = pytest.mark.usefixtures("middle")

KEYS = {"path", "outcome", "attack_score", "threshold", "reason", "box", "num_faces", "bundle"}


def lines(answer):
    return [json.loads(line) for line in answer.out.splitlines()]


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.parametrize(
    ("colours", "code"), [([BLUE], 0), ([BLUE, BLUE], 0), ([RED], 1), ([BLUE, RED], 1), ([(0, 0, 0)], 2),
                          ([BLUE, (0, 0, 0)], 2), ([RED, (0, 0, 0)], 1)]
)  # fmt: skip
def test_exit_codes(bonaface, tiny, tmp_path, colours, code):
    paths = [paint(tmp_path / f"{i}.png", colour) for i, colour in enumerate(colours)]
    assert bonaface("check", "--bundle", tiny, *paths).code == code


def test_a_picture_in_the_table(bonaface, tiny, tmp_path):
    answer = bonaface("check", "--bundle", tiny, paint(tmp_path / "a.png"))
    header, row, caption, *rest = (line.split() for line in answer.out.splitlines())
    assert header == ["picture", "outcome", "attack_score", "faces", "why"]
    assert row[:4] == [str(tmp_path / "a.png"), "bonafide", "0.235", "1"]
    assert " ".join(row[4:]) == "attack_score 0.235 stays below the threshold 0.500"
    assert " ".join(caption) == "bundle tiny 1, an attack from 0.500 on"
    assert rest == []
    assert answer.err == ""


def test_json_lines(bonaface, tiny, photos):
    answer = bonaface("check", photos, "--json", "--bundle", tiny)
    found = lines(answer)
    assert [(one["path"], one["outcome"], one["reason"]) for one in found] == [
        (str(photos / "a.png"), "bonafide", "below_threshold"),
        (str(photos / "b.jpg"), "no_decision", "not_an_image"),
        (str(photos / "sub/c.png"), "attack", "physical_evidence"),
    ]
    assert all(set(one) >= KEYS for one in found)
    assert found[0] | {"detail": ""} == {
        "path": str(photos / "a.png"),
        "outcome": "bonafide",
        "attack_score": pytest.approx(60 / 255),
        "threshold": 0.5,
        "reason": "below_threshold",
        "detail": "",
        "box": [20.0, 20.0, 108.0, 108.0],
        "num_faces": 1,
        "bundle": "tiny 1",
        "family_scores": {"physical": pytest.approx(60 / 255), "digital": pytest.approx(195 / 255)},
        "species_scores": {},
    }
    assert found[1]["box"] is found[1]["attack_score"] is None
    assert answer.err == ""


def test_a_broken_file_leaves_the_others(bonaface, tiny, photos, monkeypatch):
    monkeypatch.chdir(photos)
    answer = bonaface("check", ".", "--bundle", tiny)
    assert answer.code == 1
    for words in (
        "a.png",
        "b.jpg",
        "sub/c.png",
        "b.jpg must be a JPEG, PNG, WebP, BMP or TIFF image; it is none",
    ):
        assert words in answer.out


def test_csv(bonaface, tiny, photos, tmp_path):
    file = tmp_path / "new/verdicts.csv"
    bonaface("check", photos, "--csv", file, "--bundle", tiny)
    found = rows(file)
    assert list(found[0]) == list(FIELDS)
    assert [one["outcome"] for one in found] == ["bonafide", "no_decision", "attack"]
    assert [one["attack_score"] != "" for one in found] == [True, False, True]
    assert float(found[2]["physical_score"]) == pytest.approx(220 / 255)
    assert found[1]["digital_score"] == found[1]["box"] == ""


def test_csv_and_json_are_written_as_they_come(bonaface, tiny, tmp_path, monkeypatch):
    """When the third picture is looked at, the first two are in the file."""
    paths = [paint(tmp_path / f"{i}.png") for i in range(3)]
    seen = []

    def find(self, picture):
        seen.append(len(rows(tmp_path / "v.csv")))
        return usual(self, picture)

    usual = MiddleFinder.find
    monkeypatch.setattr(MiddleFinder, "find", find)
    bonaface("check", *paths, "--csv", tmp_path / "v.csv", "--bundle", tiny)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize(("colour", "code"), [(BLUE, 2), (RED, 1)])
def test_stopping_mid_way_keeps_what_is_there(bonaface, tiny, tmp_path, monkeypatch, as_json, colour, code):
    """And half of a folder is not all bonafide."""
    paths = [paint(tmp_path / f"{i}.png", colour, width=200) for i in range(3)]

    def find(self, picture, left=[2]):  # noqa: B006
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return usual(self, picture)

    usual = MiddleFinder.find
    monkeypatch.setattr(MiddleFinder, "find", find)
    words = ["--json"] if as_json else []
    answer = bonaface("check", *paths, *words, "--every-face", "--csv", tmp_path / "v.csv", "--bundle", tiny)
    assert answer.code == code
    assert answer.err == "stopped after 4 verdicts of 3 pictures\n"
    assert [one["path"] for one in rows(tmp_path / "v.csv")] == [
        str(path) for path in paths[:2] for _ in "ab"
    ]
    assert answer.out.count(str(paths[1])) == 2
    assert str(paths[2]) not in answer.out


def test_every_face(bonaface, tiny, tmp_path):
    wide = paint(tmp_path / "wide.png", width=240)
    assert [one["num_faces"] for one in lines(bonaface("check", wide, "--json", "--bundle", tiny))] == [2]
    both = lines(bonaface("check", wide, "--json", "--every-face", "--bundle", tiny))
    assert [(one["box"], one["num_faces"]) for one in both] == [
        ([20.0, 20.0, 108.0, 108.0], 2),
        ([160.0, 20.0, 220.0, 80.0], 2),
    ]


def test_what_a_folder_has_of_other_pictures_is_told(bonaface, tiny, photos):
    before = bonaface("check", photos, "--json", "--bundle", tiny)
    assert before.err == ""  # notes.txt is no picture
    for name in ("d.heic", "sub/e.HEIC", "sub/f.avif"):
        (photos / name).touch()
    answer = bonaface("check", photos, "--json", "--bundle", tiny)
    assert (answer.code, answer.out) == (before.code, before.out)
    assert answer.err == (
        f"note: left out of {photos}: 3 pictures of kinds that are not read (.heic 2, .avif 1); save them as JPEG or PNG\n"
    )
    (photos / "d.heic").unlink()
    (photos / "sub/f.avif").unlink()
    one = bonaface("check", photos, "--json", "--bundle", tiny)
    assert f"{photos}: 1 picture of kinds that are not read (.heic 1); " in one.err


def test_a_glob(bonaface, tiny, photos, monkeypatch):
    answer = bonaface("check", f"{photos}/**/*.png", "--json", "--bundle", tiny)
    assert [one["path"] for one in lines(answer)] == [str(photos / "a.png"), str(photos / "sub/c.png")]
    monkeypatch.chdir(photos)
    assert [one["path"] for one in lines(bonaface("check", "*.png", "--json", "--bundle", tiny))] == ["a.png"]


def test_a_file_whose_name_looks_like_a_glob(bonaface, tiny, tmp_path):
    path = paint(tmp_path / "a[1].png")
    assert bonaface("check", path, "--bundle", tiny).code == 0


def test_the_same_picture_twice_is_judged_once(photos):
    assert expanded([str(photos / "a.png"), str(photos), f"{photos}/*.png"]) == [
        str(photos / "a.png"), str(photos / "b.jpg"), str(photos / "sub/c.png")
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("empty", "{word} must have pictures in it; none was found; give another folder"),
        ("phone", "{word} must have pictures in it; none was found but 2 pictures of kinds that are not read "
                  "(.heic 2); save them as JPEG or PNG"),
        ("empty/*.jpg", "'{word}' must match pictures; it matches none; check the pattern"),
        ("**no/*.jpg", "'{word}' must be a pattern of file names; Invalid pattern: "
                       "'**' can only be an entire path component; correct it"),
    ],
)  # fmt: skip
def test_words_without_pictures(bonaface, tiny, tmp_path, word, sentence):
    (tmp_path / "empty").mkdir()
    (tmp_path / "phone").mkdir()
    for name in ("a.heic", "b.HEIC", "notes.txt"):
        (tmp_path / "phone" / name).touch()
    word = f"{tmp_path}/{word}"
    assert bonaface("check", word, "--bundle", tiny).sentence == sentence.format(word=word)


@pytest.mark.parametrize("word", ["nowhere.jpg", "", "x" * 300 + ".jpg"])
def test_a_path_without_a_picture_is_a_verdict_beside_the_others(bonaface, tiny, tmp_path, word):
    answer = bonaface("check", word, paint(tmp_path / "a.png"), "--json", "--bundle", tiny)
    assert [(one["outcome"], one["reason"]) for one in lines(answer)] == [
        ("no_decision", "not_found"),
        ("bonafide", "below_threshold"),
    ]
    assert answer.code == 2


def test_names_that_are_markup_or_no_utf8(bonaface, tiny, tmp_path):
    """A name is data: nothing in it is taken for markup, and no byte of it ends the run."""
    strange = [
        tmp_path / "[red]a[/nothing].png",
        tmp_path / os.fsdecode(b"\xff.png"),
        tmp_path / "line\nfeed.png",
    ]
    for path in strange:
        paint(path)
    answer = bonaface("check", *strange, "--csv", tmp_path / "v.csv", "--bundle", tiny)
    assert answer.code == 0
    assert "[red]a[/nothing].png" in answer.out
    assert "\\udcff.png" in answer.out
    names = [one["path"] for one in csv.DictReader(io.StringIO((tmp_path / "v.csv").read_text(), newline=""))]
    assert names == [str(strange[0]), f"{tmp_path}/\\udcff.png", str(strange[2])]
    assert bonaface("check", *strange, "--json", "--bundle", tiny).code == 0
    assert bonaface("check", f"{tmp_path}/[/x]*", "--bundle", tiny).sentence.startswith(
        f"'{tmp_path}/[/x]*' "
    )


def test_a_bundle_that_is_none(bonaface, tmp_path):
    answer = bonaface("check", "a.jpg", "--bundle", tmp_path)
    assert answer.sentence == (
        f"{tmp_path} must be a bundle; it has no bundle.json; give the folder that export wrote"
    )


def test_a_bundle_by_a_name_that_nobody_has(bonaface):
    assert bonaface("check", "a.jpg", "--bundle", "smal").sentence == (
        "a bundle must be the name of an embedded one (small, nano) or a bundle's folder; got 'smal', which is neither; "
        "did you mean 'small'?"
    )


def test_another_detector_is_no_gate(bonaface, tmp_path):
    (tmp_path / "peer.json").write_text("{}")
    assert bonaface("check", "a.jpg", "--bundle", tmp_path).sentence == (
        f"{tmp_path} must be a bundle to be used as a gate; it holds another detector, peer.json, which can only be "
        f"measured; run: bonaface evaluate MANIFEST --bundle {tmp_path}"
    )


def test_a_csv_file_that_can_not_be_written(bonaface, tiny, photos):
    answer = bonaface("check", photos, "--csv", photos, "--bundle", tiny)
    assert answer.sentence == f"{photos} must be a file that can be written; Is a directory"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--colour"], "No such option: --colour"),
        (["--jsn"], "No such option: --jsn"),
        (["--threads", "0"], "Invalid value for '--threads'"),
        (["--threads", "two"], "Invalid value for '--threads'"),
    ],
)
def test_options_that_are_none(bonaface, words, said):
    answer = bonaface("check", "a.jpg", *words)
    assert answer.code == 2
    assert said in answer.err


def test_no_picture_named(bonaface):
    answer = bonaface("check")
    assert answer.code == 2
    assert "Missing argument" in answer.err


def test_yunet_that_was_not_fetched(bonaface, monkeypatch, tmp_path):
    monkeypatch.setattr("bonaface.faces.fetch.cache_folder", lambda: tmp_path)
    answer = bonaface("check", "a.jpg", "--finder", "yunet")
    assert answer.sentence == "YuNet must be fetched once before it is used; run: bonaface models fetch yunet"


def test_a_finder_that_the_bundle_has_not_learned_by(bonaface, tmp_path):
    whole = tiny_bundle(tmp_path / "whole", contract=replace(CONTRACT, finder="whole", margin_ratio=0.0))
    paint(tmp_path / "a.png", BLUE)
    rows = tmp_path / "a.csv"
    rows.write_text("path,label,species,subject,split\na.png,bonafide,bonafide,ann,test\n")
    for words in (("check", "a.png"), ("stress", rows), ("evaluate", rows, "--out", tmp_path / "out")):
        assert bonaface(*words, "--bundle", whole, "--finder", "dlib_hog").sentence == (
            "--finder dlib_hog must be the bundle's own finder; this bundle has learned by whole; leave it out"
        )


def test_a_finder_file_that_is_none(bonaface, tiny, monkeypatch, tmp_path):
    monkeypatch.undo()  # the real finders
    monkeypatch.setattr("sys.argv", [])
    answer = bonaface("check", "a.jpg", "--bundle", tiny, "--finder", tmp_path / "no.onnx")
    assert answer.sentence.startswith(f"{tmp_path / 'no.onnx'} must be YuNet's ONNX file; it does not exist")


def test_exit_code_of_nothing():
    assert exit_code([], is_whole=True) == 2
    assert exit_code(["bonafide"], is_whole=False) == 2


def test_expanding_words_keeps_their_order(photos):
    assert expanded([str(photos / "sub"), "later.jpg", str(photos / "a.png")]) == [
        str(photos / "sub/c.png"), "later.jpg", str(photos / "a.png")
    ]  # fmt: skip
    with pytest.raises(BonafaceError):
        expanded([str(photos / "*.webp")])


def test_the_pictures_of_these_tests_are_what_they_say(tiny, tmp_path):
    """The witness of this file: redness by hand."""
    from bonaface.faces.picture import read_picture

    picture = read_picture(paint(tmp_path / "a.png", RED))
    assert np.array_equal(np.unique(picture.reshape(-1, 3), axis=0), [RED])


def test_together_is_one_verdict_a_folder(bonaface, tiny, tmp_path):
    """Two folders of captures, one with a red frame among blue ones, one all red; and a picture beside them."""
    for name, colours in {"ann": (BLUE, RED, BLUE), "bob": (RED, RED)}.items():
        for at, colour in enumerate(colours):
            paint(tmp_path / f"all/{name}/{at}.png", colour)
    paint(tmp_path / "all/alone.png", BLUE)
    answer = bonaface("check", "--together", "--json", "--bundle", tiny, tmp_path / "all")
    found = {line["path"].rpartition("/")[2]: line for line in lines(answer)}
    assert list(found) == ["all", "ann", "bob"]
    assert found["bob"]["outcome"] == "attack"
    assert found["ann"]["detail"].startswith("3 captures together")
    one = bonaface("check", "--json", "--bundle", tiny, tmp_path / "all/alone.png")
    assert lines(one)[0]["attack_score"] == found["all"]["attack_score"]
    assert answer.code == 1


def test_captures_without_a_part_in_their_folders_verdict_are_told(bonaface, tiny, tmp_path):
    """Ann has a face in two of three, Bob in one of three, Cleo in both."""
    for name, colours in {
        "ann": (BLUE, (0, 0, 0), BLUE),
        "bob": ((0, 0, 0), BLUE),
        "cleo": (BLUE, BLUE),
    }.items():
        for at, colour in enumerate(colours):
            paint(tmp_path / f"all/{name}/{at}.png", colour)
    (tmp_path / "all/bob/broken.jpg").write_bytes(b"no picture")
    answer = bonaface("check", "--together", "--json", "--bundle", tiny, tmp_path / "all")
    ann, bob, cleo = lines(answer)
    assert ann["detail"].startswith("2 of 3 captures together, 1 without a decision (no_face): attack_score")
    assert bob["detail"].startswith("2 of 3 captures have no decision, ")
    assert cleo["detail"].startswith("2 captures together: attack_score")
    assert answer.err == f"note: {tmp_path}/all/ann is judged by 2 of 3 captures, without 1.png (no_face)\n"


def test_of_many_captures_without_a_part_some_are_named(bonaface, tiny, tmp_path):
    for at in range(12):
        paint(tmp_path / f"ann/{at:02}.png", (0, 0, 0) if at < 6 else BLUE)
    answer = bonaface("check", "--together", "--json", "--bundle", tiny, tmp_path / "ann")
    names = ", ".join(f"{at:02}.png (no_face)" for at in range(5))
    assert answer.err == f"note: {tmp_path}/ann is judged by 6 of 12 captures, without {names} ...\n"


def test_together_or_every_face(bonaface, tiny, photos):
    answer = bonaface("check", "--together", "--every-face", "--bundle", tiny, photos)
    assert answer.code == 2
    assert "choose one" in answer.err


def test_a_picture_is_no_place_for_a_table(bonaface, tiny, tmp_path):
    path = tmp_path / "a.png"
    paint(path, BLUE)
    before = path.read_bytes()
    assert bonaface("check", path, "--bundle", tiny, "--csv", path).sentence == (
        f"--csv must be a new file or a table of verdicts; {path} holds something else; name a new one"
    )
    assert path.read_bytes() == before
    for _ in range(2):
        assert bonaface("check", path, "--bundle", tiny, "--csv", tmp_path / "verdicts.csv").code == 0


def test_a_manifest_is_no_table_of_verdicts(bonaface, tiny, tmp_path):
    """Both begin with the word path."""
    paint(tmp_path / "a.png", BLUE)
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("path,label,species,subject\na.png,bonafide,bonafide,ann\n")
    answer = bonaface("check", tmp_path / "a.png", "--bundle", tiny, "--csv", manifest)
    assert answer.sentence.startswith("--csv must be a new file or a table of verdicts; ")
    assert manifest.read_text().endswith("ann\n")


def test_a_reader_who_has_seen_enough_changes_no_exit_code(tiny, tmp_path):
    paint(tmp_path / "a.png", BLUE)
    program = "from bonaface.cli.main import run; run()"
    words = [sys.executable, "-c", program, "check", str(tmp_path / "a.png"), "--bundle", str(tiny)]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        ended = subprocess.run(words, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert b"Traceback" not in ended.stderr
    assert ended.returncode == subprocess.run(words, capture_output=True, check=False).returncode


def test_a_name_is_printed_as_it_is_and_commands_to_a_terminal_are_written_out(bonaface, tiny, tmp_path):
    paint(tmp_path / "a:cat:\x1b[2J.png", BLUE)
    answer = bonaface("check", tmp_path, "--bundle", tiny)
    assert "a:cat:\\x1b[2J.png" in answer.out
    assert "\x1b" not in answer.out
