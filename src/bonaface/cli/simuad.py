"""`bonaface data simuad`: a benchmark of simulated attacks from any bona fide faces."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bonaface.cli.console import finder_file, progress_bar, remark, say
from bonaface.cli.simulate import source_manifest
from bonaface.errors import BonafaceError

if TYPE_CHECKING:
    from bonaface.faces.finder import Finder as AnyFinder

Faces = Annotated[
    Path | None,
    typer.Argument(help="A folder of bona fide pictures, a folder a person, or a manifest."),
]
Out = Annotated[Path | None, typer.Argument(help="The benchmark's folder, new or begun by the same command.")]
Seed = Annotated[int, typer.Option(help="Another seed, another benchmark; the same seed, the same bytes.")]
Captures = Annotated[
    int, typer.Option(min=1, help="Bona fide samples of each picture, each by another simulated camera.")
]
Pictures = Annotated[
    int, typer.Option(min=1, help="Pictures of each person that samples are made of, the first by name.")
]
Subjects = Annotated[
    int | None, typer.Option(help="Take so many people, two in each split at least; all by default.")
]
Workers = Annotated[int, typer.Option(min=1, help="Processes; the pictures are the same with any number.")]
Finder = Annotated[str, typer.Option(help="'yunet', or YuNet's file; dlib_hog needs no file.")]
AuditOnly = Annotated[
    Path | None,
    typer.Option(
        metavar="OUT",
        help="Check the hashes of a benchmark that is there and audit it again; nothing is written.",
    ),
]


def simuad(
    faces: Faces = None,
    out: Out = None,
    seed: Seed = 0,
    captures: Captures = 2,
    pictures: Pictures = 1,
    subjects: Subjects = None,
    workers: Workers = 1,
    finder: Finder = "dlib_hog",
    audit_only: AuditOnly = None,
) -> None:
    """Build SimUAD, a benchmark of simulated attacks, from bona fide faces.

    Every person gets bona fide captures and every species; the test split has variants and strengths that training has
    not. Protocols are manifests in OUT/protocols for 'bonaface evaluate' and 'bonaface train'; OUT/CARD.md says what it
    holds and what its audit found. A run that was stopped goes on with the same command. Exit code 130: it was stopped.
    """
    from bonaface.contract import InputContract
    from bonaface.faces.finder import finder_for

    if audit_only is not None:
        if faces is not None:
            raise BonafaceError(f"--audit-only must stand alone; got {faces} too; leave it out")
        _audit(audit_only, finder_for(InputContract(), yunet=finder_file(finder)))
        return
    if faces is None or out is None:
        raise BonafaceError("simuad must have FACES and OUT, or --audit-only OUT; give both folders")
    from bonaface.data.simuad.benchmark import Benchmark
    from bonaface.data.simuad.building import build
    from bonaface.training.stopping import stop_requests

    manifest = source_manifest(faces, out)
    with stop_requests() as stop:
        built = build(
            manifest,
            out,
            Benchmark(seed, captures),
            finder=finder_for(InputContract(), yunet=finder_file(finder)),
            pictures=pictures,
            subjects=subjects,
            workers=workers,
            bar=progress_bar,
            is_stopped=stop.is_set,
        )
    if built.card is None:
        remark(f"stopped after {built.done} of {built.total}; the same command goes on")
        raise typer.Exit(130)
    _tell(built.card, out)
    if finder == "dlib_hog":
        remark("note: eyes, nose and mouth were guessed from the face's box; --finder yunet finds them")


def _audit(folder: Path, finder: AnyFinder) -> None:
    from bonaface.data.simuad.building import audited
    from bonaface.training.stopping import stop_requests

    with stop_requests() as stop:
        found = audited(folder, finder=finder, bar=progress_bar, is_stopped=stop.is_set)
    if found is None:
        remark("stopped; the audit is not finished")
        raise typer.Exit(130)
    audit, is_as_told = found
    say(f"every picture and every list of {folder} has the sha256 of its card")
    _tell_audit(asdict(audit))
    if not is_as_told:
        remark(
            "note: the card's own audit differs from this one; other versions of libraries may be the reason"
        )


def _tell(card: dict[str, Any], out: Path) -> None:
    for split, count in card["subjects"].items():
        kinds = card["counts"]["S1"][split]
        attacks = sum(sum(one.values()) for species, one in kinds.items() if species != "bonafide")
        say(
            f"{split}: {count} people, {kinds['bonafide']['']} bonafide, {attacks} attacks of {len(kinds) - 1} species"
        )
    _tell_audit(card["audit"])
    say(f"wrote {out / 'CARD.md'} and {len(card['counts'])} protocols")
    if card["left_out"]:
        remark(f"left out: {', '.join(f'{count} {why}' for why, count in card['left_out'].items())}")


def _tell_audit(audit: dict[str, Any]) -> None:
    told = ", ".join(
        f"{name} {'not known' if one['auc'] is None else format(one['auc'], '.2f')}"
        for name, one in audit["detectability"].items()
    )
    say(f"found by a simple probe (AUC): {told}")
    for warning in audit["warnings"]:
        remark(f"warning: {warning}")
