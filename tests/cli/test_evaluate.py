from __future__ import annotations

import csv
import json

import pytest

from bonaface.evaluation.report_file import from_json
from tiny_bundle import tiny_bundle

from .conftest import BLUE, RED, MiddleFinder, paint

HEADER = "sample,label,species,subject,split,attack_score,reason"
# By hand: dev parts at (0.2 + 0.8) / 2 = 0.5. On test there one of two prints, no replay and one of two bona fide rows
# with a score go wrong: APCER 50 % and 0 %, pooled 1/4, BPCER 1/2, with the row without a score 2/3.
# ACER pooled (25 + 50) / 2 = 37.5 %, worst (50 + 50) / 2 = 50 %. AUC: 7 of 8 pairs in order.
SCORES = [
    ("bonafide", "dev", 0.1), ("bonafide", "dev", 0.2), ("print", "dev", 0.8), ("print", "dev", 0.9),
    ("bonafide", "test", 0.1), ("bonafide", "test", 0.6), ("bonafide", "test", None),
    ("print", "test", 0.4), ("print", "test", 0.9), ("replay", "test", 0.7), ("replay", "test", 0.8),
]  # fmt: skip


def score_table(path, rows=SCORES, header=HEADER):
    lines = [header]
    for i, (species, split, score) in enumerate(rows):
        label = "bonafide" if species == "bonafide" else "attack"
        known = f"{score}," if score is not None else ",no_face"
        lines.append(f"{i},{label},{species},s{i},{split},{known}")
    path.write_text("\n".join(lines) + "\n")
    return path


def cells(answer):
    """Table rows by their first cell."""
    return {line.split("  ")[0]: line.split("  ", 1)[-1].split() for line in answer.out.splitlines()}


def test_a_score_table_by_hand(bonaface, tmp_path):
    out = tmp_path / "out"
    answer = bonaface("evaluate", score_table(tmp_path / "scores.csv"), "--out", out)
    assert answer.code == 0
    found = cells(answer)
    assert found["APCER print"][:4] == ["1", "2", "50.00", "%"]
    assert found["APCER replay"][:4] == ["0", "2", "0.00", "%"]
    assert found["APCER worst species (print)"][:4] == ["1", "2", "50.00", "%"]
    assert found["APCER pooled"][:4] == ["1", "4", "25.00", "%"]
    assert found["APCER pooled"][-1] == "0.8750"
    assert found["BPCER"][:4] == ["1", "2", "50.00", "%"]
    assert found["BPCER"][-2:] == ["33.33", "%"]
    assert found["BPCER, no answer counted"][:4] == ["2", "3", "66.67", "%"]
    assert found["ACER pooled"][:2] == ["37.50", "%"]
    assert found["ACER worst species"][:2] == ["50.00", "%"]
    assert found["balanced"] == ["0.5000", "50.00", "%", "25.00", "%", "50.00", "%"]
    assert "threshold 0.5000 by the rule eer on dev; equally good there: 0.2000 to 0.8000" in answer.out
    names = ("report.json", "report.html", "report.md")
    assert answer.out.splitlines()[-1] == "wrote " + ", ".join(str(out / name) for name in names)
    assert (out / "report.html").read_text().startswith("<!doctype html>")
    assert "| BPCER | 1 | 2 | 50.00 %" in (out / "report.md").read_text()
    report = from_json(json.loads((out / "report.json").read_text()))
    assert report.bundle is None
    assert (report.acer_pooled, report.acer_worst, report.threshold.value) == (0.375, 0.5, 0.5)
    assert (report.bpcer.low, report.bpcer.high) == pytest.approx(
        (0.01258, 0.98742), abs=1e-5
    )  # R: binom.test(1, 2)


def test_names_in_a_table_are_no_markup(bonaface, tmp_path):
    rows = [
        (("[red]x[/no]" if species == "replay" else species), split, score)
        for species, split, score in SCORES
    ]
    answer = bonaface("evaluate", score_table(tmp_path / "s.csv", rows), "--out", tmp_path / "[bold]out[/x]")
    assert answer.code == 0
    assert "APCER [red]x[/no]" in answer.out
    assert answer.out.splitlines()[-1].startswith(f"wrote {tmp_path}/[bold]out[/x]/report.json, ")


def test_a_quoted_header_is_a_score_table_too(bonaface, tmp_path):
    quoted = ",".join(f'"{name}"' for name in HEADER.split(","))
    path = score_table(tmp_path / "s.csv", header="\ufeff" + quoted)
    assert bonaface("evaluate", path, "--out", tmp_path / "out").code == 0


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (SCORES[:4], "scores must have rows of test; got dev; add test rows"),
        ([*SCORES, ("print", "test", 1.5)],
         "attack_score must be in [0, 1]"),
    ],
)  # fmt: skip
def test_scores_that_can_not_be_measured(bonaface, tmp_path, rows, sentence):
    answer = bonaface("evaluate", score_table(tmp_path / "s.csv", rows), "--out", tmp_path / "out")
    assert answer.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (SCORES[4:], "there are no dev rows to choose a threshold on: rates at a threshold are not known"),
        (
            [*SCORES[:2], *SCORES[4:]],
            "no threshold: dev must have both classes with a score; got no scored attack",
        ),
    ],
)
def test_without_a_threshold_the_rest_is_measured_and_the_exit_code_says_so(bonaface, tmp_path, rows, note):
    answer = bonaface("evaluate", score_table(tmp_path / "s.csv", rows), "--out", tmp_path / "out")
    assert answer.code == 2
    assert f"note: {note}" in answer.err
    assert answer.err.splitlines()[-1] == (
        "incomplete no threshold could be chosen: rates at a threshold are not known; add dev rows, or give one, e.g. --rule fixed=0.35"
    )
    assert cells(answer)["APCER pooled"][-1] == "0.8750"  # the AUC needs none
    assert json.loads((tmp_path / "out/report.json").read_text())["threshold"] is None
    assert "no threshold" in (tmp_path / "out/report.html").read_text()


def with_groups(path, rows=SCORES):
    """Two frames a video, and a device."""
    lines = [HEADER + ",video,device"]
    for i, (species, split, score) in enumerate(rows):
        label = "bonafide" if species == "bonafide" else "attack"
        for frame in "ab":
            known = f"{score}," if score is not None else ",no_face"
            device = "phone" if i % 2 else "webcam"
            lines.append(f"{i}{frame},{label},{species},s{i},{split},{known},v{i},{device}")
    path.write_text("\n".join(lines) + "\n")
    return path


def test_frames_become_presentations(bonaface, tmp_path):
    scores = with_groups(tmp_path / "s.csv")
    words = ("--presentations", "video", "--frames", "max", "--groups", "device", "--min-group", "1")
    answer = bonaface("evaluate", scores, "--out", tmp_path / "out", *words)
    assert answer.code == 0
    assert "on test, presentations" in answer.out
    assert cells(answer)["APCER print"][:4] == ["1", "2", "50.00", "%"]
    plain = json.loads((tmp_path / "out/report.json").read_text())
    assert plain["level"] == {"unit": "presentation", "column": "video", "how": "max"}
    assert plain["frames"]["counts"]["rows"] == 14
    assert plain["fairness"]["columns"][0]["columns"] == ["device"]


FRAMES_ALONE = (
    "--frames must come with --presentations; got --frames max alone; name the column that says which presentation "
    "a frame is of, or leave it out"
)


def test_frames_without_presentations(bonaface, tmp_path):
    scores, out = with_groups(tmp_path / "s.csv"), tmp_path / "out"
    assert bonaface("evaluate", scores, "--out", out, "--frames", "max").sentence == FRAMES_ALONE
    assert not out.exists()
    assert (
        bonaface("evaluate", scores, "--out", out, "--frames", "mean").code == 0
    )  # the default changes nothing


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("devise", "got 'devise' of video, device; did you mean 'device'?"),
        ("skin_tone", "got 'skin_tone' of video, device; leave it out, or add the column"),
        ("device,attack_score", "got 'attack_score' of video, device; leave it out, or add the column"),
    ],
)
def test_groups_that_no_column_has(bonaface, tmp_path, name, tail):
    words = ("--out", tmp_path / "out", "--groups", name)
    answer = bonaface("evaluate", with_groups(tmp_path / "s.csv"), *words)
    assert answer.sentence == f"--groups must name group columns of the rows; {tail}"
    assert not (tmp_path / "out").exists()


def test_groups_without_any_group_column_or_threshold(bonaface, tmp_path):
    words = ("--out", tmp_path / "out", "--groups", "device")
    said = "--groups must name group columns of the rows; got 'device' of "
    plain = bonaface("evaluate", score_table(tmp_path / "s.csv"), *words)
    assert plain.sentence == f"{said}no group column; leave it out, or add the column"
    without_dev = with_groups(tmp_path / "t.csv", SCORES[4:])
    assert bonaface("evaluate", without_dev, "--out", tmp_path / "out", "--groups", "deviec").code == 2
    assert bonaface("evaluate", without_dev, *words).err.splitlines()[-1].startswith("incomplete")


def replaced(answer):
    return [line for line in answer.err.splitlines() if line.startswith("note: replaces")]


def test_what_report_is_replaced_is_told(bonaface, tiny, manifest, middle, tmp_path):
    out, table = tmp_path / "out", score_table(tmp_path / "s.csv")
    judged = ("evaluate", manifest, "--bundle", tiny, "--out", out)
    given = ("evaluate", table, "--out", out)
    assert replaced(bonaface(*judged)) == []
    assert replaced(bonaface(*judged, "--rule", "min_acer")) == []  # the same scores, measured anew
    assert replaced(bonaface(*given)) == [f"note: replaces the report of tiny 1 in {out}"]
    assert replaced(bonaface(*given)) == []
    other = score_table(tmp_path / "t.csv")
    assert replaced(bonaface("evaluate", other, "--out", out)) == [
        f"note: replaces the report of ../s.csv in {out}"
    ]
    assert replaced(bonaface(*judged)) == [f"note: replaces the report of ../t.csv in {out}"]
    (out / "report.json").write_text("no report")
    assert replaced(bonaface(*given)) == []


def test_the_curves_of_stress_are_shown(bonaface, tmp_path):
    wrong = tmp_path / "robustness.json"
    wrong.write_text("{}")
    words = ("--out", tmp_path / "out", "--robustness", wrong)
    answer = bonaface("evaluate", score_table(tmp_path / "s.csv"), *words)
    assert answer.code == 2
    assert "robustness must have schema_version 1; got None" in answer.err
    assert not (tmp_path / "out").exists()  # refused before anything is measured


def test_an_unknown_rule(bonaface, tmp_path):
    answer = bonaface("evaluate", score_table(tmp_path / "s.csv"), "--rule", "err", "--out", tmp_path / "out")
    assert answer.sentence.startswith("a threshold rule must be one of eer")
    assert answer.sentence.endswith("; got 'err'; did you mean 'eer'?")


@pytest.mark.parametrize(
    "words",
    [
        ("--rule", "err"),
        ("--frames", "meen"),
        ("--frames", "max"),
        ("--groups", "device,video"),
        ("--robustness", "nowhere.json"),
    ],
)
def test_what_can_be_refused_is_refused_before_the_judging(
    bonaface, tiny, manifest, counted, tmp_path, words
):
    assert bonaface("evaluate", manifest, "--bundle", tiny, "--out", tmp_path / "out", *words).code == 2
    assert counted["done"] == 0
    assert not (tmp_path / "out").exists()


def test_out_is_a_file(bonaface, tmp_path):
    (tmp_path / "out").write_text("mine")
    answer = bonaface("evaluate", score_table(tmp_path / "s.csv"), "--out", tmp_path / "out")
    assert answer.sentence == (
        f"{tmp_path / 'out'} can not be read or written as asked (File exists); choose another place"
    )
    assert (tmp_path / "out").read_text() == "mine"


# On manifests


@pytest.fixture
def manifest(tmp_path):
    """Two subjects a split, each bona fide and printed; one picture broken."""
    lines = ["path,label,species,subject,split,device"]
    for split in ("train", "dev", "test"):
        for i in range(2):
            subject = f"{split}{i}"
            paint(tmp_path / f"{subject}.png", BLUE)
            paint(tmp_path / f"{subject}-print.png", RED)
            lines.append(f"{subject}.png,bonafide,bonafide,{subject},{split},phone")
            lines.append(f"{subject}-print.png,attack,print,{subject},{split},phone")
    (tmp_path / "test1.png").write_bytes(b"broken")
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def scores_of(out):
    (path,) = out.glob("scores-*.csv")
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.fixture
def counted(monkeypatch, middle):
    """How many pictures were looked at, and a stop after some."""
    looks = {"done": 0, "stop_at": -1}
    usual = MiddleFinder.find

    def find(self, picture):
        if looks["done"] == looks["stop_at"]:
            raise KeyboardInterrupt
        looks["done"] += 1
        return usual(self, picture)

    monkeypatch.setattr(MiddleFinder, "find", find)
    return looks


def test_a_manifest_is_judged_and_measured(bonaface, tiny, manifest, counted, tmp_path):
    answer = bonaface("evaluate", manifest, "--bundle", tiny, "--out", tmp_path / "out")
    assert answer.code == 0
    assert counted["done"] == 7  # the train split is not opened, the broken picture not looked at
    rows = scores_of(tmp_path / "out")
    assert [row["split"] for row in rows] == ["dev"] * 4 + ["test"] * 4
    assert [(row["sample"], row["reason"]) for row in rows if row["reason"]] == [
        ("test1.png", "not_an_image")
    ]
    assert rows[0] | {"attack_score": "", "physical_score": "", "digital_score": ""} == {
        "sample": "dev0.png", "label": "bonafide", "species": "bonafide", "subject": "dev0", "split": "dev",
        "attack_score": "", "reason": "", "physical_score": "", "digital_score": "", "device": "phone",
    }  # fmt: skip
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert (report["bundle"], report["acer_pooled"], report["bpnrr"]["value"]) == ("tiny 1", 0.0, 0.5)
    names = (report["scores"], "report.json", "report.html", "report.md")
    assert answer.out.splitlines()[-1] == "wrote " + ", ".join(str(tmp_path / "out" / name) for name in names)
    assert bonaface("calibrate", tmp_path / "out" / report["scores"], "--out", tmp_path / "new").code == 0


def test_the_bundles_own_threshold_is_told_where_dev_chose_another(bonaface, manifest, middle, tmp_path):
    """Red scores 0.8627 and blue 0.2353: dev chooses between them."""
    own, same = (
        tiny_bundle(tmp_path / name, threshold=value)
        for name, value in (("own", 0.365218), ("same", 0.549021))
    )
    words = ("evaluate", manifest, "--out", tmp_path / "out", "--bundle")
    assert bonaface(*words, own).err.splitlines()[-1] == (
        "note: 0.5490 was chosen on dev; bonaface check uses the bundle's own threshold 0.3652: "
        "measure that one with --rule fixed=0.365218"
    )
    assert "own threshold" not in bonaface(*words, own, "--rule", "fixed=0.365218").err
    assert "own threshold" not in bonaface(*words, same).err


def test_a_stopped_evaluation_goes_on(bonaface, tiny, manifest, counted, tmp_path):
    out = tmp_path / "out"
    counted["stop_at"] = 3
    assert bonaface("evaluate", manifest, "--bundle", tiny, "--out", out).code == 130
    first = scores_of(out)
    assert len(first) == 3
    counted["stop_at"] = -1
    assert bonaface("evaluate", manifest, "--bundle", tiny, "--out", out).code == 0
    assert counted["done"] == 7
    assert scores_of(out)[:3] == first
    assert bonaface("evaluate", manifest, "--bundle", tiny, "--out", out).code == 0
    assert counted["done"] == 7


def test_other_words_in_a_manifest_are_other_scores(bonaface, tiny, manifest, counted, tmp_path):
    bonaface("evaluate", manifest, "--bundle", tiny, "--out", tmp_path / "out")
    manifest.write_text(manifest.read_text().replace("phone", "camera"))
    bonaface("evaluate", manifest, "--bundle", tiny, "--out", tmp_path / "out")
    assert counted["done"] == 14
    assert len(list((tmp_path / "out").glob("scores-*.csv"))) == 2


def test_the_same_words_beside_other_pictures_are_other_scores(bonaface, tiny, manifest, counted, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    for path in (manifest, *tmp_path.glob("*.png")):
        (other / path.name).write_bytes(path.read_bytes())
    for words in (manifest, other / manifest.name):
        assert bonaface("evaluate", words, "--bundle", tiny, "--out", tmp_path / "out").code == 0
    assert counted["done"] == 14
    assert len(list((tmp_path / "out").glob("scores-*.csv"))) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("path,label,species\na,bonafide,bonafide\n",
         "{m} must have the columns path, label, species, subject; 'subject' is missing (it has path, label, species)"),
        ("path,label,specie,subject\na,bonafide,bonafide,b\n",
         "{m} must have the columns path, label, species, subject; 'species' is missing "
         "(it has path, label, specie, subject); did you mean 'specie'?"),
        ("path,label,species,subject,split\na.png,attack,prnt,s,test\n", "{m} row 2: species must be one of "),
        ("path,label,species,subject,split\na.png,fake,print,s,test\n",
         "{m} row 2: label must be bonafide or attack; got 'fake'"),
        ("path,label,species,subject,split\nno.png,attack,print,s,test\n",
         "every picture of the manifest must be there; 1 of 1 are missing: "),
        ("path,label,species,subject,split\na.png,attack,print,s,train\n",
         "{m} must have dev and test rows; it has none; check its column 'split'"),
        ("path,label,species,subject,split\na.png,attack,print,s,dev\na.png,attack,print,s,test\n",
         "every subject must be in one split; 1 are in several, e.g. 's' in dev and test"),
        ("path,label,species,subject,split\na.png,attack,print,s,dev\na.png,attack,print,s,dev\n",
         "every picture must have one row to be judged; 'a.png' has several"),
        ("path,label,species,subject\n", "{m} must have at least one row below its header; it has none"),
        ("", "{m} must have at least one row below its header; it has none"),
    ],
)  # fmt: skip
def test_bad_manifests(bonaface, tiny, tmp_path, middle, text, sentence):
    paint(tmp_path / "a.png")
    path = tmp_path / "m.csv"
    path.write_text(text)
    answer = bonaface("evaluate", path, "--bundle", tiny, "--out", tmp_path / "out")
    assert answer.sentence.startswith(sentence.format(m=path))


def test_a_manifest_in_another_encoding_or_nowhere(bonaface, tiny, tmp_path):
    path = tmp_path / "m.csv"
    path.write_bytes(b"path,label,species,subject\n\xe9,bonafide,bonafide,s\n")
    assert bonaface("evaluate", path).sentence.startswith(f"{path} must be CSV text in UTF-8; it is not (")
    answer = bonaface("evaluate", tmp_path / "no.csv")
    assert answer.sentence.endswith("must be a manifest (CSV or Parquet); it does not exist; check the path")


def test_pictures_of_a_table_are_shown_from_its_folder_alone_and_those_of_a_list_from_anywhere(tmp_path):
    from bonaface.cli.evaluate import _pictures

    bound, free = (_pictures(tmp_path / "lists", is_bound=is_bound) for is_bound in (True, False))
    assert bound("a.png") == free("a.png") == tmp_path / "lists/a.png"
    assert free("../print/a.png") == tmp_path / "print/a.png"
    assert bound("../print/a.png") is None
    assert bound("/etc/passwd") is None


def test_a_peer_has_no_threshold_that_check_would_use(tiny, tmp_path):
    from bonaface.bundle import bundle_folder, read_card
    from bonaface.cli.evaluate import _own_threshold

    (tmp_path / "peer.json").write_text("{}")
    assert _own_threshold(tmp_path) is None
    assert _own_threshold(tiny) == 0.5
    assert _own_threshold(None) == read_card(bundle_folder()).threshold.value


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--rule", "bpcer=5"), "a limit must be between 0 and 1; got 5.0; 0.01 is usual"),
        (("--rule", "apcer=nan"), "a limit must be between 0 and 1; got nan; 0.01 is usual"),
        (
            ("--presentations", "frames"),
            "presentations must be named by a group column; got 'frames' of device; add it",
        ),
    ],
)
def test_limits_and_columns_are_looked_at_before_the_judging(
    bonaface, tiny, manifest, counted, tmp_path, words, sentence
):
    out = tmp_path / "out"
    assert bonaface("evaluate", manifest, "--bundle", tiny, "--out", out, *words).sentence == sentence
    assert counted["done"] == 0


@pytest.mark.parametrize(("option", "value"), [("--bundle", "small"), ("--finder", "dlib_hog")])
def test_a_table_of_scores_is_not_judged(bonaface, tmp_path, option, value):
    path = tmp_path / "scores.csv"
    path.write_text(
        "sample,label,species,subject,split,attack_score,reason\na,bonafide,bonafide,a,test,0.2,\n"
    )
    answer = bonaface("evaluate", path, option, value, "--out", tmp_path / "out")
    assert answer.sentence.startswith(f"{option} must come with a manifest of pictures to judge; ")
    assert not (tmp_path / "out").exists()
