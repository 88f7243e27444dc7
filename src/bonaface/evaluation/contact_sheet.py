"""The worst errors as small pictures: attacks that were accepted most surely, and bona fide rejected most surely."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bonaface.errors import PictureError
from bonaface.evaluation import rates
from bonaface.evaluation.columns import Flags
from bonaface.evaluation.scores import ScoreTable
from bonaface.faces.picture import read_picture
from bonaface.types import Picture

MAX_TILES = 24
SIDE_PX = 96
QUALITY = 85

Pictures = Callable[[str], Path | None]
"""Sample -> the file of its picture, which need not be there; None where there is none."""


@dataclass(frozen=True, slots=True)
class Tile:
    """One error.

    Attributes:
        sample: Its name.
        species: What it is.
        score: Its attack_score.
        image: A JPEG as data URI; empty without a picture.
        word: Why there is no picture; empty with one.
    """

    sample: str
    species: str
    score: float
    image: str
    word: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """The worst errors of one kind.

    Attributes:
        count: How many errors there are.
        tiles: The worst of them, the worst first.
    """

    count: int
    tiles: tuple[Tile, ...]


def worst_errors(table: ScoreTable, threshold: float, pictures: Pictures) -> tuple[Sheet, Sheet]:
    """Accepted attacks with the lowest scores, and rejected bona fide rows with the highest.

    Args:
        table: Rows of one split.
        threshold: At or above it a row is called an attack.
        pictures: Asked for `MAX_TILES` samples of each at most.

    Returns:
        Of equal scores, the first in the alphabet comes first. A picture that can not be read is a word instead.
    """
    accepted = rates.accepted_rows(table, threshold)
    rejected = ~accepted & table.has_score
    return (
        _sheet(table, accepted & table.is_attack, 1, pictures),
        _sheet(table, rejected & table.is_bonafide, -1, pictures),
    )


def _sheet(table: ScoreTable, wrong: Flags, sign: int, pictures: Pictures) -> Sheet:
    rows = np.flatnonzero(wrong)
    worst = rows[np.lexsort((table.sample[rows], sign * table.attack_score[rows]))][:MAX_TILES]
    return Sheet(len(rows), tuple(_tile(table, int(row), pictures) for row in worst))


def _tile(table: ScoreTable, row: int, pictures: Pictures) -> Tile:
    sample = str(table.sample[row])
    image, word = _image(pictures(sample))
    return Tile(sample, str(table.species[row]), float(table.attack_score[row]), image, word)


def _image(path: Path | None) -> tuple[str, str]:
    """The picture as a data URI, or the word for why there is none."""
    try:
        if path is None or not path.is_file():
            return "", "no picture"
        return _data_uri(read_picture(path)), ""
    except (PictureError, OSError):  # is_file raises on a name that is too long
        return "", "not readable"


def _data_uri(picture: Picture) -> str:
    """The whole picture, its longer side at most `SIDE_PX`."""
    height, width = picture.shape[:2]
    scale = min(1.0, SIDE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()
