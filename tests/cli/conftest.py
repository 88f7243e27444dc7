"""The command line in this process, and pictures whose redness decides what a tiny bundle says."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

import bonaface as package
from bonaface.cli import console, main
from bonaface.types import Box, Face

RED, BLUE = (220, 60, 60), (60, 60, 220)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What an error says: one line on stderr, without its title."""
        assert self.code == 2
        assert self.err.startswith("error ")
        assert self.err.count("\n") == 1
        return self.err.removeprefix("error ").rstrip("\n")


@pytest.fixture
def bonaface(monkeypatch, capsys) -> Callable[..., Answer]:
    """Run a command as the console script does."""
    for one in (console.results, console.errors):
        monkeypatch.setattr(one, "width", 200)

    def call(*words: object) -> Answer:
        monkeypatch.setattr(sys, "argv", ["bonaface", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main.run()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Answer(end.value.code or 0, said.out, said.err)

    return call


@pytest.fixture
def without_torch(monkeypatch):
    """As in the light install: torch can not be imported, and nothing that wants it has been."""
    for name in [name for name in sys.modules if name.startswith("bonaface.training")]:
        monkeypatch.delitem(sys.modules, name)
    # what is imported meanwhile becomes the package's attribute: that comes back too, not in sys.modules alone
    monkeypatch.setattr(package, "training", None, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)


class MiddleFinder:
    """A face in the middle of every picture, two in wide ones, none in black ones."""

    name = "dlib_hog"

    def find(self, picture):
        height, width = picture.shape[:2]
        if not picture.any():
            return ()
        one = Face(Box(20, 20, height - 20, height - 20), 1.0)
        other = Face(Box(width - 80, 20, width - 20, 80), 1.0)
        return (one, other) if width > height else (one,)


@pytest.fixture
def middle(monkeypatch):
    """Every finder of the command line is a `MiddleFinder`."""
    monkeypatch.setattr("bonaface.inference.gate.finder_for", lambda contract, *, yunet: MiddleFinder())
    monkeypatch.setattr("bonaface.inference.peer.finder_for", lambda contract, *, yunet: MiddleFinder())
    monkeypatch.setattr("bonaface.faces.dlib_hog.DlibHogFinder", MiddleFinder)


def paint(path: Path, colour=BLUE, *, width: int = 128) -> Path:
    """A picture in one colour: red ones are attacks to a tiny bundle, blue ones bonafide."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = np.full((128, width, 3), colour[::-1], np.uint8)
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    return path


@pytest.fixture
def photos(tmp_path) -> Path:
    """Three pictures: a blue one, a broken one, a red one below."""
    folder = tmp_path / "photos"
    paint(folder / "a.png")
    (folder / "b.jpg").write_bytes(b"no picture")
    paint(folder / "sub/c.png", RED)
    (folder / "notes.txt").write_text("not looked at")
    return folder
