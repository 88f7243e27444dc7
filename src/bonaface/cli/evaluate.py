"""`bonaface evaluate`: rates of a bundle on a manifest, or of saved scores."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.bundle import CARD, bundle_folder, read_card
from bonaface.cli.console import remark, say, words
from bonaface.cli.judging import REPORT, is_score_table, judged, may_share_subjects
from bonaface.cli.options import (
    MEAN,
    AnyBundle,
    Finder,
    Frames,
    Presentations,
    Rule,
    Seed,
    Threads,
    check_frames,
)
from bonaface.cli.report_table import show
from bonaface.errors import BonafaceError, ScoreError, did_you_mean

if TYPE_CHECKING:
    from bonaface.evaluation.report import Report
    from bonaface.evaluation.robustness import Robustness
    from bonaface.evaluation.scores import ScoreTable


def evaluate(
    source: Annotated[
        Path, typer.Argument(help="A manifest to judge, or a score table (a CSV with a column attack_score).")
    ],
    out: Annotated[
        Path, typer.Option(help="Folder for the scores, report.json, report.html and report.md.")
    ] = Path("evaluation"),
    bundle: AnyBundle = None,
    finder: Finder = None,
    rule: Rule = "eer",
    presentations: Presentations = None,
    frames: Frames = MEAN,
    groups: Annotated[
        str | None,
        typer.Option(
            help="Group columns for fairness, by commas; all with 2 to 20 values by default, but for those that say how an attack was made."
        ),
    ] = None,
    min_group: Annotated[
        int, typer.Option(min=1, help="Bona fide rows that a group must have to be compared.")
    ] = 30,
    replicates: Annotated[
        int, typer.Option(min=0, help="Of the subject bootstrap; 0 for exact intervals alone.")
    ] = 1000,
    seed: Seed = 0,
    robustness: Annotated[
        Path | None, typer.Option(help="robustness.json of 'bonaface stress', to be shown in the report.")
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Folder of the samples, for the worst errors; that of SOURCE by default."),
    ] = None,
    allow_shared_subjects: Annotated[
        bool,
        typer.Option(
            "--allow-shared-subjects", help="For protocols that have a subject in both dev and test."
        ),
    ] = False,
    threads: Threads = 1,
) -> None:
    """Measure a bundle, another detector, or any scores: threshold on the dev rows, rates on the test rows.

    Scores are written as they come; the same command goes on where it was stopped, and judges again the pictures that were changed
    since. Exit code 0: measured. 2: no threshold could be chosen, or an error.
    """
    from bonaface.evaluation.reporting import report_from_scores
    from bonaface.evaluation.robustness import read_robustness

    # whatever can be refused is refused before the judging, not after
    _check_ways(rule, frames, presentations)
    curves = None if robustness is None else read_robustness(robustness)
    asked = None if groups is None else words(groups)
    rows = _rows(source, out, asked, presentations, bundle=bundle, finder=finder, threads=threads)
    report = report_from_scores(
        rows.table,
        rule,
        bundle=rows.bundle,
        presentations=presentations,
        how=frames,
        replicates=replicates,
        seed=seed,
        groups=asked,
        min_group=min_group,
        allow_shared_subjects=allow_shared_subjects or (not rows.is_given and may_share_subjects(source)),
    )
    if curves is not None and rows.bundle is not None and curves.bundle != rows.bundle:
        remark(f"note: {robustness} is of {curves.bundle}, this report of {rows.bundle}")
    report = _kept(report, rows, out)
    picture = _pictures(pictures or source.parent, is_bound=rows.is_given)
    pages = _drawn(report, rows.table, out, picture, curves)
    scores = [] if rows.is_given else [rows.file]
    say(f"wrote {', '.join(map(str, (*scores, out / REPORT, *pages)))}")
    _end(report)


@dataclass(frozen=True, slots=True)
class _Rows:
    """What is measured.

    Attributes:
        table: The scores.
        file: The table's file.
        is_given: The file is somebody's, not written here.
        bundle: Who gave the scores; None where nobody says.
        own_threshold: The bundle's own; None for a peer, or where nobody says.
    """

    table: ScoreTable
    file: Path
    is_given: bool
    bundle: str | None = None
    own_threshold: float | None = None


def _rows(
    source: Path,
    out: Path,
    groups: Sequence[str] | None,
    presentations: str | None,
    *,
    bundle: Path | None,
    finder: str | None,
    threads: int,
) -> _Rows:
    """A score table as it is, or what a bundle makes of a manifest, judged into `out`."""
    from bonaface.data.manifest import read_manifest
    from bonaface.evaluation.presentations import check_presentations
    from bonaface.evaluation.scores import read_scores

    if is_score_table(source):
        _check_unjudged(source, {"--bundle": bundle, "--finder": finder})
        table = read_scores(source)
        _check_groups(groups, table.groups)
        check_presentations(presentations, table.groups)
        out.mkdir(parents=True, exist_ok=True)
        return _Rows(table, source, is_given=True)
    if groups or presentations:
        known = sorted({name for row in read_manifest(source).rows for name in row.groups})
        _check_groups(groups, known)
        check_presentations(presentations, known)
    out.mkdir(parents=True, exist_ok=True)
    table, name, file = judged(source, out, bundle=bundle, finder=finder, threads=threads)
    return _Rows(table, file, False, name, _own_threshold(bundle))


def _check_ways(rule: str, frames: str, presentations: str | None) -> None:
    """Raise `BonafaceError` for a rule or a way that nobody knows or that lacks its column, and without scipy."""
    from bonaface.evaluation.intervals import clopper_pearson
    from bonaface.evaluation.presentations import check_way
    from bonaface.evaluation.thresholds import parse_rule

    clopper_pearson(0, 1)
    parse_rule(rule)
    check_way(frames)
    check_frames(frames, presentations)


def _check_unjudged(source: Path, given: Mapping[str, object]) -> None:
    """Raise `BonafaceError` where a table of scores is to be judged: whoever asks for that would read somebody else's rates."""
    for option, value in given.items():
        if value is not None:
            raise BonafaceError(
                f"{option} must come with a manifest of pictures to judge; {source} is a table of scores; leave {option} out, "
                "or give the manifest"
            )


def _check_groups(asked: Sequence[str] | None, known: Collection[str]) -> None:
    """Raise `ScoreError` for a group column that the rows have not."""
    for name in asked or ():
        if name not in known:
            tail = did_you_mean(name, known) or "; leave it out, or add the column"
            raise ScoreError(
                f"--groups must name group columns of the rows; got '{name}' of "
                f"{', '.join(known) or 'no group column'}{tail}"
            )


def _own_threshold(bundle: Path | None) -> float | None:
    """Where `bonaface check` says attack by this bundle; None for a peer, which it does not take."""
    folder = bundle_folder(bundle)
    return read_card(folder).threshold.value if (folder / CARD).is_file() else None


def _kept(report: Report, rows: _Rows, out: Path) -> Report:
    """The report with the place of its scores, written and shown."""
    from bonaface.evaluation.report_file import write_report

    kept = replace(report, scores=os.path.relpath(rows.file, out))
    _tell_replaced(out, kept)
    write_report(out / REPORT, kept)
    show(kept)
    _tell_own_threshold(kept, rows.own_threshold)
    return kept


def _tell_replaced(out: Path, report: Report) -> None:
    """A remark where the report in the folder is another bundle's, or of other scores."""
    from bonaface.evaluation.json_file import read_object

    try:
        earlier = read_object(out / REPORT, "a report", "")
    except (ScoreError, OSError):  # there is none, or nothing that could be named
        return
    bundle, scores = earlier.get("bundle"), earlier.get("scores")
    if (bundle, scores) != (report.bundle, report.scores):
        name = scores if bundle in (None, report.bundle) else bundle
        remark(f"note: replaces the report of {name or 'other scores'} in {out}")


def _tell_own_threshold(report: Report, own: float | None) -> None:
    """A remark where the gate judges at another threshold than the one that dev has chosen here."""
    from bonaface.evaluation.wording import decimal

    chosen = report.threshold
    if own is None or chosen is None or chosen.split is None or decimal(own) == decimal(chosen.value):
        return
    remark(
        f"note: {decimal(chosen.value)} was chosen on {chosen.split}; bonaface check uses the bundle's own threshold "
        f"{decimal(own)}: measure that one with --rule fixed={own}"
    )


def _end(report: Report) -> None:
    """Exit with 2 where no threshold could be chosen."""
    if report.threshold is None:
        title = "[bold red]incomplete[/] "
        remark(
            "no threshold could be chosen: rates at a threshold are not known; add dev rows, or give one, e.g. --rule fixed=0.35",
            title=title,
        )
        raise typer.Exit(2)


def _pictures(base: Path, *, is_bound: bool) -> Callable[[str], Path | None]:
    """Where a sample's picture is, from the folder `base`; below it alone when bound.

    A list's pictures have just been judged, wherever they are; somebody's table of scores may name any file.
    """

    def picture(sample: str) -> Path | None:
        path = (base / sample).resolve()
        return None if is_bound and not path.is_relative_to(base.resolve()) else path

    return picture


def _drawn(
    report: Report,
    table: ScoreTable,
    out: Path,
    picture: Callable[[str], Path | None],
    curves: Robustness | None,
) -> list[Path]:
    """The report as a page and as Markdown."""
    from bonaface.evaluation.markdown import markdown
    from bonaface.evaluation.page import write_page
    from bonaface.evaluation.presentations import aggregate

    page, text = out / "report.html", out / "report.md"
    level = report.level
    rows = table if level.column is None else aggregate(table, level.column, level.how or "mean")

    write_page(page, report, rows, pictures=picture, robustness=curves)
    text.write_text(markdown(report, robustness=curves), encoding="utf-8")
    return [page, text]
