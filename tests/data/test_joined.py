from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bonaface.data.joined import joined
from bonaface.data.manifest import Manifest, Row
from bonaface.errors import ManifestError
from bonaface.vocabulary import BONAFIDE, Label, Split


def manifest(folder: Path, *rows: tuple[str, str, Split | None]) -> Manifest:
    made = (Row(path, Label.BONAFIDE, BONAFIDE, subject, split=split) for path, subject, split in rows)
    return Manifest(tuple(made), folder)


def test_rows_keep_their_pictures_order_and_splits(tmp_path):
    pool = manifest(tmp_path / "pool", ("a.png", "ann", Split.DEV), ("b.png", "bea", Split.TEST))
    other = manifest(tmp_path / "sets/other", ("a.png", "cy", Split.DEV))
    found = joined([pool, other], tmp_path / "sets")
    assert [found.picture_path(row) for row in found.rows] == [
        tmp_path / "pool/a.png",
        tmp_path / "pool/b.png",
        tmp_path / "sets/other/a.png",
    ]
    assert found.rows[2].path == "other/a.png"
    assert [(row.subject, row.split) for row in found.rows] == [
        ("ann", Split.DEV),
        ("bea", Split.TEST),
        ("cy", Split.DEV),
    ]


def test_what_can_not_be_joined(tmp_path):
    one = manifest(tmp_path, ("a.png", "ann", Split.DEV))
    with pytest.raises(ManifestError, match=r"in one of the manifests, once; .*a\.png is in twice"):
        joined([one, one], tmp_path)
    with pytest.raises(ManifestError, match=r"every subject must be in one split.*'ann' in dev and test"):
        joined([one, manifest(tmp_path, ("b.png", "ann", Split.TEST))], tmp_path)
    with pytest.raises(ManifestError, match=r"must have a split, or none; 1 of 2 have one"):
        joined([one, manifest(tmp_path, ("b.png", "bea", None))], tmp_path)
    assert len(joined([replace(one, rows=()), one], tmp_path).rows) == 1
