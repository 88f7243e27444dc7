"""From a manifest to a score table, row by row, on disk as it comes: a stopped run goes on where it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bonaface.data.manifest import Manifest, Row
from bonaface.errors import ManifestError
from bonaface.evaluation.score_writer import ScoreWriter
from bonaface.evaluation.scores import ScoreTable, read_scores
from bonaface.types import Verdict
from bonaface.vocabulary import FAMILIES, PASSING_REASONS, Family


def score_manifest(
    judge: Callable[[Path], Verdict],
    manifest: Manifest,
    path: Path,
    *,
    families: Sequence[Family] = FAMILIES,
    on_row: Callable[[], None] = lambda: None,
) -> ScoreTable:
    """Judge every row's picture and write its scores to `path`; rows that are there already are not judged again, but for those of `outdated`.

    Args:
        judge: A picture's path -> its verdict, e.g. a gate. A verdict without a score is a non-response.
        manifest: Every row with its split.
        path: The score table, CSV.
        families: Those that the judge gives evidence of; none for another project's detector.
        on_row: Called after each row.

    Raises:
        ManifestError: If a picture has several rows.
        ScoreError: If `path` holds a table of other columns.
    """
    check_once(manifest)
    groups = sorted({name for row in manifest.rows for name in row.groups})
    path.parent.mkdir(parents=True, exist_ok=True)
    with ScoreWriter(path, groups=groups, families=families, forgotten=outdated(manifest, path)) as writer:
        for row in manifest.rows:
            if row.path not in writer.done:
                verdict = judge(manifest.picture_path(row))
                is_scored = verdict.attack_score is not None
                append_answer(
                    writer,
                    row,
                    groups,
                    attack_score=verdict.attack_score,
                    reason="" if is_scored else str(verdict.reason),
                    family_scores=dict(verdict.family_scores) if is_scored else None,
                )
            on_row()
    return read_scores(path)


def outdated(manifest: Manifest, path: Path) -> Callable[[ScoreTable], set[str]]:
    """Says which samples of the table in `path` must be judged anew: those whose pictures were changed since it was last written to, and
    those that had no score for a reason that passes.

    Args:
        manifest: Whose rows the table is of.
        path: The table's file.
    """

    def of(table: ScoreTable) -> set[str]:
        written = path.stat().st_mtime_ns
        changed = {row.path for row in manifest.rows if _last_change(manifest.picture_path(row)) > written}
        return changed | set(
            table.sample[np.isin(table.reason, [str(reason) for reason in PASSING_REASONS])].tolist()
        )

    return of


def _last_change(path: Path) -> int:
    """In nanoseconds, of a file's bytes or of which file it is; 0 of one that is not there."""
    try:
        found = path.stat()
    except OSError:
        return 0
    return max(found.st_mtime_ns, found.st_ctime_ns)


def check_once(manifest: Manifest) -> None:
    """Raise `ManifestError` unless every picture has one row: a score table has one for each sample."""
    repeated = [path for path, count in Counter(row.path for row in manifest.rows).items() if count > 1]
    if repeated:
        raise ManifestError(f"every picture must have one row to be judged; '{repeated[0]}' has several")


def append_answer(
    writer: ScoreWriter,
    row: Row,
    groups: Sequence[str],
    *,
    attack_score: float | None,
    reason: str,
    family_scores: dict[Family, float] | None = None,
) -> None:
    """Write what was answered to a manifest's row, with the row's own words and its values of the group columns."""
    writer.append(
        sample=row.path,
        label=str(row.label),
        species=row.species.name,
        subject=row.subject,
        split=str(row.split),
        attack_score=attack_score,
        reason=reason,
        groups={name: row.groups.get(name, "") for name in groups},
        family_scores=family_scores,
    )
