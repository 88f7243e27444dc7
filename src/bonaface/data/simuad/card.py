"""The card of a benchmark as data: what it is, how it was made, what it holds, its hashes and its audit."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bonaface import __version__
from bonaface.data.manifest import Row
from bonaface.data.simuad.benchmark import Benchmark
from bonaface.data.simuad.inspection import Inspection
from bonaface.data.simuad.protocol_lists import PROTOCOLS
from bonaface.data.simuad.variants import NOT_USED, RULE, STRENGTHS, variants_of
from bonaface.data.whole_file import write_whole
from bonaface.errors import SimulationError
from bonaface.vocabulary import Split

CARD = "card.json"
SCHEMA = 1


def card(
    benchmark: Benchmark,
    options: Sequence[str],
    rows: Sequence[Row],
    *,
    finder: str,
    left_out: Mapping[str, int],
    hashes: Mapping[str, str],
    audit: Inspection,
) -> dict[str, Any]:
    """The card, plain values that are the same for the same benchmark wherever it lies and by whatever hands.

    Args:
        benchmark: Its settings.
        options: Words of the command besides the settings.
        rows: All of it.
        finder: Name of the finder.
        left_out: Counts of what is not in it, by why.
        hashes: The sha256 of its lists, by path.
        audit: What was found in it.
    """
    command = f"{benchmark.command} FACES OUT --seed {benchmark.seed} --captures {benchmark.captures}"
    plain = {
        "name": "SimUAD",
        "schema": SCHEMA,
        "command": " ".join([command, *options]),
        "seed": benchmark.seed,
        "finder": finder,
        "made_with": {"bonaface": __version__, "numpy": np.__version__, "opencv": cv2.__version__},
        "sources": _sources(rows),
        "variants": {"rule": RULE, **{str(one): variants_of(one) for one in Split}, "not_used": NOT_USED},
        "strengths": STRENGTHS,
        "subjects": {split: len({row.subject for row in rows if row.split is split}) for split in Split},
        "counts": {one.name: _counts([row for row in rows if one.holds(row)]) for one in PROTOCOLS},
        "left_out": dict(left_out),
        "sha256": dict(hashes),
        "audit": asdict(audit),
    }
    again: dict[str, Any] = json.loads(json.dumps(plain))  # as it is read back: lists, no tuples
    return again


def write_card(folder: Path, plain: Mapping[str, Any], text: str) -> None:
    """Write the card as data and, before it, for people: a folder with `card.json` is finished."""
    write_whole(folder / "CARD.md", text.encode())
    write_whole(folder / CARD, json.dumps(plain, indent=1, ensure_ascii=False).encode() + b"\n")


def read_card(folder: Path) -> dict[str, Any]:
    """The card of a finished benchmark.

    Raises:
        SimulationError: If the folder has none.
    """
    try:
        plain = json.loads((folder / CARD).read_text(encoding="utf-8"))
        is_ours = (
            plain["name"] == "SimUAD"
            and plain["schema"] == SCHEMA
            and bool(plain["sha256"] and plain["audit"])
        )
    except OSError:
        raise SimulationError(
            f"{folder} must be a benchmark that '{Benchmark.command}' has finished; it has no {CARD}; "
            f"run the command that began it again"
        ) from None
    except (ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise SimulationError(
            f"{folder / CARD} must be as '{Benchmark.command}' writes it; it is not; build the benchmark anew"
        )
    return dict(plain)


def _sources(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Who made the source pictures, and under which licence they may be used."""
    people: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in rows:
        people[row.source, row.licence].add(row.subject)
    return [
        {"source": source, "licence": licence, "subjects": len(subjects)}
        for (source, licence), subjects in sorted(people.items())
    ]


def _counts(rows: Sequence[Row]) -> dict[str, dict[str, dict[str, int]]]:
    """Rows by split, species and simulation:variant; bona fide ones by nothing."""
    found: dict[str, dict[str, Counter[str]]] = {split: defaultdict(Counter) for split in Split}
    for row in rows:
        what = "" if row.is_bonafide else f"{row.groups['simulation']}:{row.groups['variant']}"
        found[str(row.split)][row.species.name][what] += 1
    return {
        split: {species: dict(counts) for species, counts in kinds.items()} for split, kinds in found.items()
    }
