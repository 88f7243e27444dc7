from __future__ import annotations

import csv
import re
import shlex
from pathlib import Path

import pytest

from .conftest import Answer

GUIDE = Path(__file__).parents[2] / "docs/guides/measure-another-detector.md"
ROWS = "path,target,prob\na.png,1,0.875\nb.png,1,0.75\nc.png,0,0.25\nd.png,0,0.5\n"
OPTIONS = (
    "--polarity", "bonafide-high", "--columns", "sample=path,label=target,score=prob", "--bonafide-label", "1",
    "--attack-label", "0", "--species", "print", "--split", "test",
)  # fmt: skip
NOTE = (
    "note: scores rank bona fide above attacks: the AUC of 6 attacks and 6 bona fide rows is 0.0000, "
    "below 0.5 by more than chance; is the polarity right, and are the labels?\n"
)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "peer.csv"
    path.write_text(ROWS)
    return path


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out/scores.csv"


def rows_of(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def without(name):
    """The options without one of them and its value."""
    place = OPTIONS.index(name)
    return OPTIONS[:place] + OPTIONS[place + 2 :]


def test_a_file_by_hand(bonaface, source, out):
    answer = bonaface("import", source, *OPTIONS, "--out", out)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == f"test: 2 bonafide, 2 print\nAUC 1.0000\nwrote {out}\n"
    assert rows_of(out)[0] == {
        "sample": "a.png", "label": "bonafide", "species": "bonafide", "subject": "", "split": "test",
        "attack_score": "0.125", "reason": "",
    }  # fmt: skip
    assert [row["attack_score"] for row in rows_of(out)] == ["0.125", "0.25", "0.75", "0.5"]


def test_every_other_option(bonaface, tmp_path, out):
    path = tmp_path / "list.txt"
    path.write_text("s1/a.png 0 100\ns2/b.png 7 -100\n")
    answer = bonaface(
        "import", path, "--out", out, "--delimiter", "whitespace", "--no-header", "--polarity", "attack-high",
        "--columns", "sample=1, species=2, score=3", "--species-words", "0=bonafide,7=my mask", "--split", "dev",
        "--scale", "range", "--low", "-100", "--high", "300", "--subject-pattern", "^(?P<subject>s.)",
    )  # fmt: skip
    assert answer.code == 0
    assert [tuple(row.values()) for row in rows_of(out)] == [
        ("s1/a.png", "bonafide", "bonafide", "s1", "dev", "0.5", ""),
        ("s2/b.png", "attack", "my mask", "s2", "dev", "0.0", ""),
    ]


def test_a_swapped_polarity_is_noted(bonaface, tmp_path, out):
    path = tmp_path / "many.csv"
    path.write_text("path,target,prob\n" + "".join(f"{i},{i % 2},{i % 2}\n" for i in range(12)))
    swapped = ("--polarity", "attack-high", *without("--polarity"))
    answer = bonaface("import", path, *swapped, "--out", out)
    assert (answer.code, answer.err) == (0, NOTE)
    assert "AUC 0.0000\n" in answer.out
    assert bonaface("import", path, *OPTIONS, "--out", out).err == ""


def test_scores_of_one_class_have_no_ranking(bonaface, source, out):
    source.write_text("path,target,prob\na.png,0,0.5\nb.png,0,\n")
    form = out.parent / "format.json"
    form.parent.mkdir()
    form.write_text(
        '{"columns": {"sample": "path", "label": "target", "score": "prob"}, "polarity": "attack_high", '
        '"bonafide_label": "1", "attack_label": "0", "species": "print", "split": "test", "reason": "no_face"}'
    )
    answer = bonaface("import", source, "--format", form, "--out", out)
    assert answer.out == f"test: 0 bonafide, 2 print; 1 without a score\nwrote {out}\n"
    assert answer.err == (
        "note: the AUC is not known: both classes must have a row with a score; "
        "got 0 bona fide and 1 attack; add the missing class\n"
    )


def test_a_second_file_is_added(bonaface, source, out):
    bonaface("import", source, *without("--split"), "--split", "dev", "--out", out)
    source.write_text(ROWS.replace(".png", ".jpg"))
    answer = bonaface("import", source, *OPTIONS, "--out", out, "--add")
    assert answer.out.startswith("dev: 2 bonafide, 2 print\ntest: 2 bonafide, 2 print\n")
    assert [row["split"] for row in rows_of(out)] == ["dev"] * 4 + ["test"] * 4
    again = bonaface("import", source, *OPTIONS, "--out", out, "--add")
    assert again.sentence == "sample must be unique; 'a.jpg' has 2 rows; keep one row a presentation"
    assert len(rows_of(out)) == 8


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (without("--polarity"),
         "--polarity must be given, or --format; it is not; no file says of itself what it means"),
        (without("--columns"),
         "--columns must be given, or --format; it is not; no file says of itself what it means"),
        ((*without("--polarity"), "--polarity", "bonafide"),
         "polarity must be one of attack_high, bonafide_high; got 'bonafide'; did you mean 'bonafide_high'?"),
        ((*without("--columns"), "--columns", "sample=path,label"),
         "--columns must be written name=value,name=value; got 'sample=path,label'"),
        ((*without("--columns"), "--columns", "sample=path,=x"),
         "--columns must be written name=value,name=value; got 'sample=path,=x'"),
        ((*without("--columns"), "--columns", "sample=path,label= "),
         "--columns must be written name=value,name=value; got 'sample=path,label= '"),
        ((*without("--columns"), "--columns", "score=a,score=b"),
         "--columns must say each name once; got 'score=a,score=b'; keep one of each"),
        ((*OPTIONS, "--species-words", "x"), "--species-words must be written name=value,name=value; got 'x'"),
        ((*OPTIONS, "--scale", "logit", "--add"), "a score table must be a file that can be read; "),
        ((*OPTIONS, "--format", "no.json"), "a score format must be a file that can be read; no.json gives "),
        (without("--split"), "split must come from a column or from split; got neither; declare one"),
    ],
)  # fmt: skip
def test_what_can_not_be_imported(bonaface, source, out, words, sentence):
    assert bonaface("import", source, *words, "--out", out).sentence.startswith(sentence)
    assert not out.exists()


def test_the_source_is_never_written_over(bonaface, source):
    answer = bonaface("import", source, *OPTIONS, "--out", source)
    assert answer.sentence == f"--out must be another file than {source}; it is the same; name a new one"
    assert source.read_text() == ROWS


# The guide


def named_files(text):
    """Files that the guide shows, by their names."""
    return dict(re.findall(r"^`([\w./-]+)`:\n\n```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL))


def sessions(text):
    """Every command of the guide with the lines that follow it."""
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block.replace("\\\n", " "), flags=re.MULTILINE)[1:]:
            command, *lines = part.splitlines()
            yield command, lines


def test_the_guides_commands_say_what_the_guide_says(bonaface, tmp_path, monkeypatch):
    text = GUIDE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for name, content in named_files(text).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    seen = list(sessions(text))
    assert len(seen) == 6
    for command, lines in seen:
        answer: Answer = bonaface(*shlex.split(command)[1:])
        if answer.code == 2:
            assert [answer.sentence] == lines, command
        else:
            assert answer.out.splitlines() == [line for line in lines if not line.startswith("note: ")], (
                command
            )
            assert answer.err.splitlines() == [line for line in lines if line.startswith("note: ")], command
