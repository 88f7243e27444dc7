"""A manifest in several Parquet files of like size, for readers that share the work."""

from __future__ import annotations

import csv
from importlib.util import find_spec
from pathlib import Path

from bonaface.errors import ManifestError, MissingExtraError


def check_shards(shards: int, rows: int) -> None:
    """Raise if a manifest of so many rows can not be written to so many files.

    Raises:
        ManifestError: If there are more files than rows.
        MissingExtraError: If pyarrow is not installed.
    """
    if shards > rows:
        raise ManifestError(f"shards must be at most the manifest's rows, {rows}; got {shards}")
    if shards and find_spec("pyarrow") is None:
        raise MissingExtraError("a manifest in shards", extra="parquet")


def write_shards(manifest: Path, shards: int) -> list[Path]:
    """Write `manifest-00000-of-00004.parquet` and so on beside a CSV manifest; older shards of it are taken away.

    Row k is in shard k mod `shards`, so that all have the same mix of classes, and all have the same columns of text.

    Raises:
        ManifestError: If there are more files than rows.
        MissingExtraError: If pyarrow is not installed.
    """
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    check_shards(shards, len(rows))
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    for old in manifest.parent.glob(f"{manifest.stem}-*-of-*.parquet"):
        old.unlink()
    schema = pyarrow.schema([(column, pyarrow.string()) for column in rows[0]])
    paths = []
    for number in range(shards):
        paths.append(manifest.with_name(f"{manifest.stem}-{number:05d}-of-{shards:05d}.parquet"))
        parquet.write_table(pyarrow.Table.from_pylist(rows[number::shards], schema), paths[-1])
    return paths
