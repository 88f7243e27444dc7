from __future__ import annotations

import base64
import html.parser
import re
import sys

import cv2
import numpy as np
import pytest

from bonaface.cli.demo import ATTACKS, pictures, portraits
from bonaface.faces.dlib_hog import DlibHogFinder
from tiny_bundle import tiny_bundle


class Page(html.parser.HTMLParser):
    """What a page loads, and how its elements close."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.open, self.images = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.loads += [value for name, value in attributes if name in {"src", "href", "srcset", "data"}]
        if tag == "img":
            self.images.append(known)
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The page of a bundle that calls everything bonafide, and what was printed."""
    from typer.testing import CliRunner

    from bonaface.cli.main import app

    folder = tmp_path_factory.mktemp("demo")
    bundle = tiny_bundle(folder / "bundle", threshold=1.0, when_alone=0.25)
    result = CliRunner().invoke(
        app, ["demo", "--bundle", str(bundle), "--out", str(folder / "page")], env={"COLUMNS": "200"}
    )
    assert result.exit_code == 0, result.exception
    return result.stdout, (folder / "page/index.html").read_text(encoding="utf-8")


def test_the_attacks_are_those_that_the_embedded_bundle_was_trained_with():
    assert ATTACKS == ("print", "replay", "spsc", "faceswap", "sdsc")


def test_a_page_that_loads_nothing(written):
    page = Page(written[1])
    assert page.open == []
    assert len(page.loads) == len(page.images) == 2 * (1 + len(ATTACKS))
    assert all(src.startswith("data:image/jpeg;base64,") for src in page.loads)
    assert not re.search(r"https?:|url\(|@import|<script", written[1])


def test_its_pictures_open_and_say_what_they_are(written):
    for known in Page(written[1]).images:
        data = base64.b64decode(known["src"].partition(",")[2], validate=True)
        assert min(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).shape[:2]) > 100
    alts = {known["alt"] for known in Page(written[1]).images}
    assert {"Eileen Collins, bonafide", "Grace Hopper, replay"} <= alts


def test_it_says_what_is_right_and_what_is_wrong(written):
    out, page = written
    num_cases = 2 * (1 + len(ATTACKS))
    assert f"<h1>2 of {num_cases} judged" in page
    assert page.count('class="wrong"') == num_cases - 2
    assert page.count("attack_score 0.250 stays below the threshold 1.000") == num_cases
    assert "Judged by the bundle tiny 1 (CC0-1.0)" in page
    table = [line.split() for line in out.splitlines() if line.startswith(("Eileen", "Grace"))]
    assert [row[2:5] for row in table] == [
        [species, "bonafide", "0.250"] for _ in "ab" for species in ("bonafide", *ATTACKS)
    ]


def test_the_pictures_come_from_the_seed():
    people = dict(list(portraits().items())[:1])
    first, again, other = (
        [picture for *_, picture in pictures(people, DlibHogFinder(), seed)] for seed in (0, 0, 1)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert np.array_equal(first[0], other[0])  # the portrait itself
    assert not any(np.array_equal(a, b) for a, b in zip(first[1:], other[1:], strict=True))


def test_a_file_in_the_place_of_the_page_is_refused_before_the_judging(bonaface, tiny, tmp_path, monkeypatch):
    def judged(*_):
        raise AssertionError("nothing is to be judged")

    monkeypatch.setattr("bonaface.cli.demo.pictures", judged)
    (tmp_path / "page").write_text("mine")
    answer = bonaface("demo", "--bundle", tiny, "--out", tmp_path / "page")
    assert answer.sentence == (
        f"{tmp_path / 'page'} can not be read or written as asked (File exists); choose another place"
    )
    assert (tmp_path / "page").read_text() == "mine"


@pytest.mark.parametrize("missing", ["skimage", "matplotlib"])
def test_without_the_extra(bonaface, tiny, monkeypatch, missing, tmp_path):
    monkeypatch.setitem(sys.modules, missing, None)
    answer = bonaface("demo", "--bundle", tiny, "--out", tmp_path)
    assert answer.sentence == (
        "bonaface demo needs packages outside the light install; install them with: pip install 'bonaface[demo]'"
    )


def test_another_page_is_not_written_over(bonaface, tiny, tmp_path):
    page = tmp_path / "index.html"
    page.write_text("<h1>mine</h1>")
    answer = bonaface("demo", "--out", tmp_path, "--bundle", tiny)
    assert (
        answer.sentence == f"--out must be a folder without another page; {page} is no demo's; choose another"
    )
    assert page.read_text() == "<h1>mine</h1>"
