"""From what a person names, a manifest, a score table or an evaluation's folder, to scores."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bonaface.bundle import bundle_folder
from bonaface.cli.console import check_finder, finder_file, progress_bar
from bonaface.errors import ManifestError, ScoreError
from bonaface.vocabulary import Family, Split

if TYPE_CHECKING:
    from bonaface.bundle import BundleCard
    from bonaface.data.manifest import Manifest
    from bonaface.evaluation.scores import ScoreTable
    from bonaface.faces.finder import Finder as FaceFinder
    from bonaface.inference.gate import Gate
    from bonaface.inference.peer import Peer
    from bonaface.inference.peer_contract import PeerCard

REPORT = "report.json"


def is_score_table(path: Path) -> bool:
    """Whether the file's header names a column attack_score."""
    if path.suffix == ".parquet" or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        try:
            return "attack_score" in next(csv.reader(file), [])
        except csv.Error:  # reading it as a manifest says what is wrong with it
            return False


def may_share_subjects(manifest: Path) -> bool:
    """Whether an official protocol put every row into its split: it shares people as it likes; the report notes it."""
    from bonaface.data.manifest import read_manifest
    from bonaface.data.splits import is_official

    return all(map(is_official, read_manifest(manifest).rows))


def scores_of(source: Path) -> Path:
    """The score table that `source` is, or that the evaluation in this folder was computed from.

    Raises:
        ScoreError: If it is neither.
    """
    if source.is_file():
        return source
    from bonaface.evaluation.report_file import read_report

    report = read_report(source / REPORT)
    if report.scores is None:
        raise ScoreError(f"{source / REPORT} must name its scores; it does not; give the score table itself")
    return source / report.scores


def judged(
    manifest_path: Path,
    out: Path,
    *,
    bundle: Path | None = None,
    finder: str | None = None,
    threads: int = 1,
    splits: Sequence[Split] = (Split.DEV, Split.TEST),
    faces: FaceFinder | None = None,
) -> tuple[ScoreTable, str, Path]:
    """Score the rows of some splits of a manifest into `out`: the table, the detector's name and the table's file.

    `faces` stands for the bundle's own finder, where several passes over the same pictures shall share it.
    """
    from bonaface.data.manifest import check_files, read_manifest
    from bonaface.data.splits import assigned
    from bonaface.inference.gate import Gate
    from bonaface.inference.peer import judge_of
    from bonaface.inference.session import Session

    manifest = assigned(read_manifest(manifest_path)).of_split(*splits)
    if not manifest.rows:
        wanted = " and ".join(splits)
        raise ManifestError(f"{manifest_path} must have {wanted} rows; it has none; check its column 'split'")
    check_files(manifest)
    folder = bundle_folder(bundle)
    gate: Gate | Peer
    if faces is not None:
        gate = Gate(Session(folder, num_threads=threads), faces)
    else:
        gate = judge_of(folder, yunet=finder_file(finder), num_threads=threads)
        check_finder(finder, gate.card.contract.finder)
    scores = out / f"scores-{scores_key(manifest_path, gate.card, finder, *splits)}.csv"
    return scored(gate, manifest, scores), gate.card.id, scores


def scored(gate: Gate | Peer, manifest: Manifest, scores: Path) -> ScoreTable:
    """What the gate makes of every row, kept in the file `scores`; a bar shows how far it is."""
    from bonaface.evaluation.scoring import score_manifest

    families = [Family(name) for name in gate.card.families]
    with progress_bar("judging", len(manifest.rows)) as advance:
        return score_manifest(gate, manifest, scores, families=families, on_row=advance)


def scores_key(manifest: Path, card: BundleCard | PeerCard, finder: str | None, *parts: str) -> str:
    """What scores belong to: the manifest's words and its folder, the model, its input contract, the finder, and `parts`."""
    words = ("", str(manifest.resolve().parent), card.model.sha256, repr(card.contract), finder or "", *parts)
    return hashlib.sha256(manifest.read_bytes() + "\0".join(words).encode()).hexdigest()[:12]
