"""Figures read back: where things stand in an SVG."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np

Points = np.ndarray[tuple[int, int], np.dtype[np.float64]]


class Drawing:
    """An SVG of a page."""

    def __init__(self, text: str, name: str) -> None:
        self.text, self.name = text, name
        self.root = ElementTree.fromstring(text)

    def part(self, gid: str) -> ElementTree.Element:
        """What was drawn under a name."""
        found = [one for one in self.root.iter() if one.get("id") == f"{self.name}-{gid}"]
        assert len(found) == 1, (gid, len(found))
        return found[0]

    def has(self, gid: str) -> bool:
        return any(one.get("id") == f"{self.name}-{gid}" for one in self.root.iter())

    def points(self, gid: str) -> Points:
        """The corners of a line, (n, 2)."""
        (path,) = (one for one in self.part(gid).iter("path") if "clip-path" in one.attrib or one.get("d"))
        return numbers(path.get("d", ""))

    def markers(self, gid: str) -> Points:
        """The places of the markers of a line, (n, 2)."""
        uses = self.part(gid).iter("use")
        return np.array([(float(one.get("x", "nan")), float(one.get("y", "nan"))) for one in uses])

    def words(self) -> list[str]:
        """Every text, in the order it was drawn."""
        return [one.text or "" for one in self.root.iter("text")]

    def places(self) -> dict[str, tuple[float, float]]:
        """Where every text stands."""
        return {
            one.text or "": (float(one.get("x", "nan")), float(one.get("y", "nan")))
            for one in self.root.iter("text")
        }

    def label(self) -> str:
        """What a screen reader says first."""
        first = self.root.find("title")
        assert first is not None
        assert self.root.get("aria-labelledby", "").split()[0] == first.get("id")
        return first.text or ""


def numbers(path: str) -> Points:
    """The coordinates of a path of straight lines."""
    assert re.fullmatch(r"[MLz0-9., -]*", path)
    return np.array([float(number) for number in re.findall(r"-?[\d.]+", path)]).reshape(-1, 2)
