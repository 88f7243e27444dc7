"""Reports as JSON: written at once, read back with every field checked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import pydantic

from bonaface.errors import ScoreError
from bonaface.evaluation.json_file import read_object, write_object
from bonaface.evaluation.report import Report

SCHEMA_VERSION = 2


def to_json(report: Report) -> dict[str, Any]:
    """The report as plain values for JSON, with its `schema_version`; what is not known is None."""
    plain: dict[str, Any] = json.loads(pydantic.TypeAdapter(Report).dump_json(report))
    return {"schema_version": SCHEMA_VERSION, **plain}


def from_json(plain: Mapping[str, Any]) -> Report:
    """The report that `to_json` made plain.

    Raises:
        ScoreError: If it is of another schema version, or a value is missing, unknown or of another kind.
    """
    version = plain.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ScoreError(
            f"a report must have schema_version {SCHEMA_VERSION}; got {version}; write it again with this release"
        )
    values = {name: value for name, value in plain.items() if name != "schema_version"}
    try:
        return pydantic.TypeAdapter(Report).validate_json(json.dumps(values), strict=True)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ScoreError(
            f"a report must have the fields that to_json writes; {where}: {first['msg']}; write it again"
        ) from None


def read_report(path: str | os.PathLike[str]) -> Report:
    """The report in a file.

    Raises:
        ScoreError: If it is none.
    """
    return from_json(read_object(path, "a report", "run: bonaface evaluate"))


def write_report(path: str | os.PathLike[str], report: Report) -> None:
    """Write the report as JSON that any parser reads.

    Args:
        path: Replaced at once when the new file is complete.
        report: Any report.
    """
    write_object(path, to_json(report))
