"""From what was made to the benchmark's rows: pictures of which every species could be made, with their columns."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bonaface.data.manifest import Row
from bonaface.data.protocols.audit import PARTNER
from bonaface.data.simuad.protocol_lists import SOURCE_HASH
from bonaface.data.simulation_folder import Collected
from bonaface.data.simulation_maker import CAN_NOT_SIMULATE, NO_PARTNER, path_from, strength_of
from bonaface.data.simulation_plan import Plan, Sample
from bonaface.digest import sha256_of
from bonaface.errors import SimulationError
from bonaface.vocabulary import Reason, Split

INCOMPLETE = "samples of pictures that lack a species"
REASONS = {
    Reason.NO_FACE: "pictures without a face that the finder found",
    Reason.FACE_TOO_SMALL: "pictures whose face is too small for any gate",
    NO_PARTNER: "attacks for which no second person with a face was found in the same split",
    CAN_NOT_SIMULATE: "attacks that can not be simulated",
}
"""What the reasons of a simulated set mean; others are those of a picture that can not be read."""


@dataclass(frozen=True, slots=True)
class Complete:
    """The benchmark's rows.

    Attributes:
        rows: With the columns `simulation`, `variant`, `strength`, `partner`, `sample_id` and `source_sha256`.
        left_out: By reason: source pictures without a usable face, attacks that could not be made, and what was
            made for nothing.
    """

    rows: tuple[Row, ...]
    left_out: dict[str, int]


def completed(made: Collected, plan: Plan, out: Path) -> Complete:
    """The rows of pictures of which all samples were made: every subject has every species.

    Raises:
        SimulationError: If a split has none.
    """
    num_made = Counter(sample.row.path for sample, _ in made.rows)
    sources = {
        row.path: row
        for row in plan.manifest.rows
        if num_made[row.path] == len(plan.settings.samples_of(row))
    }
    lacking = [split for split in Split if all(row.split is not split for row in sources.values())]
    if lacking:
        why = ", ".join(f"{count} {reason}" for reason, count in _told(made.left_out).items())
        raise SimulationError(
            f"each of {', '.join(Split)} must have a subject of whom every species can be made; "
            f"{' and '.join(lacking)} has none ({why}); give more portraits seen from the front"
        )
    subject_of = {path_from(out, plan.manifest.picture_path(row)): row.subject for row in plan.manifest.rows}
    digests = {path: sha256_of(plan.manifest.picture_path(row)) for path, row in sources.items()}
    rows = tuple(
        _with_columns(sample, row, plan.settings.seed, subject_of, digests[sample.row.path])
        for sample, row in made.rows
        if sample.row.path in sources
    )
    spared = len(made.rows) - len(rows)
    return Complete(rows, {**_told(made.left_out), **({INCOMPLETE: spared} if spared else {})})


def _told(left_out: Mapping[str, int]) -> dict[str, int]:
    return {REASONS.get(reason, f"pictures: {reason}"): count for reason, count in left_out.items()}


def _with_columns(sample: Sample, row: Row, seed: int, subject_of: dict[str, str], digest: str) -> Row:
    partner = json.loads(row.parameters)["partner"]
    attack = not sample.is_copy
    columns = {
        "simulation": sample.name if attack else "",
        "variant": sample.bounds.variants[sample.name][0] if attack else "",
        "strength": f"{strength_of(sample, seed):.4f}" if attack else "",
        PARTNER: "" if partner is None else subject_of[partner["path"]],
        "sample_id": sample.path.removesuffix(".jpg"),
        SOURCE_HASH: digest,
    }
    return replace(row, groups={**row.groups, **columns})
