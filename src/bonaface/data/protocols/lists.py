"""A published list of pictures: a path and a label a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bonaface.data.protocols.coding import Kind, LabelCoding, kind_of
from bonaface.errors import ManifestError


@dataclass(frozen=True, slots=True)
class Listed:
    """One line.

    Attributes:
        path: As written: relative, with slashes.
        kind: What the label says.
        where: The list's file and the line's number from 1, for errors.
    """

    path: str
    kind: Kind
    where: str


def read_list(path: Path, coding: LabelCoding) -> tuple[Listed, ...]:
    """The lines of a list, "relative/path label" each, in their order; empty lines are passed over.

    Raises:
        ManifestError: If the file is not there or not text, a line is no path and label, a path leaves the
            data's folder, a label is not in the coding, or there is no line at all.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ManifestError(
            f"{path} must be a list of pictures; it does not exist; check the folder"
        ) from None
    except UnicodeDecodeError:
        raise ManifestError(f"{path} must be text in UTF-8; it is not; save it again") from None
    lines = text.split("\n")  # not splitlines: a path may hold a character that it takes for an end
    rows = tuple(
        _listed(line.removesuffix("\r"), f"{path} line {number}", coding)
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )
    if not rows:
        raise ManifestError(f"{path} must list at least one picture; it is empty; fetch it again")
    return rows


def _listed(line: str, where: str, coding: LabelCoding) -> Listed:
    path, _, code = line.rpartition(" ")
    if not path or not code or path != path.strip() or "\t" in line:
        raise ManifestError(f"{where} must be a path, one space and a label; got '{line}'; mend the line")
    place = PurePosixPath(path)
    if place.is_absolute() or ".." in place.parts or "\\" in path:
        raise ManifestError(
            f"{where} must name a path below the data's folder, with slashes; got '{path}'; mend the line"
        )
    try:
        return Listed(path, kind_of(code, coding), where)
    except ManifestError as error:
        raise ManifestError(f"{where}: {error}") from None
