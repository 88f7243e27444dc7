"""`bonaface evaluate`: rates of a bundle on a manifest, or of saved scores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import remark, say, words
from bonaface.cli.judging import REPORT, is_score_table, judged, may_share_subjects
from bonaface.cli.options import AnyBundle, Finder, Frames, Presentations, Rule, Seed, Threads
from bonaface.cli.report_table import show

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
    frames: Frames = "mean",
    groups: Annotated[
        str | None,
        typer.Option(help="Group columns for fairness, by commas; all with 2 to 20 values by default."),
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

    Scores are written as they come; the same command goes on where it was stopped. Exit code 0: measured.
    2: no threshold could be chosen, or an error.
    """
    from bonaface.evaluation.intervals import clopper_pearson
    from bonaface.evaluation.presentations import check_way
    from bonaface.evaluation.report_file import write_report
    from bonaface.evaluation.reporting import report_from_scores
    from bonaface.evaluation.robustness import read_robustness
    from bonaface.evaluation.scores import read_scores
    from bonaface.evaluation.thresholds import parse_rule

    # whatever can be refused is refused before the judging, not after
    clopper_pearson(0, 1)
    parse_rule(rule)
    check_way(frames)
    curves = None if robustness is None else read_robustness(robustness)
    out.mkdir(parents=True, exist_ok=True)
    if is_score_table(source):
        table, name, scores = read_scores(source), None, source
    else:
        table, name, scores = judged(source, out, bundle=bundle, finder=finder, threads=threads)
        allow_shared_subjects = allow_shared_subjects or may_share_subjects(source)
    report = report_from_scores(
        table,
        rule,
        bundle=name,
        presentations=presentations,
        how=frames,
        replicates=replicates,
        seed=seed,
        groups=None if groups is None else words(groups),
        min_group=min_group,
        allow_shared_subjects=allow_shared_subjects,
    )
    report = replace(report, scores=os.path.relpath(scores, out))
    write_report(out / REPORT, report)
    show(report)
    picture = _pictures(pictures or source.parent, is_bound=is_score_table(source))
    written = [out / REPORT, *_drawn(report, table, out, picture, curves)]
    say(f"wrote {', '.join(map(str, written))}")
    if report.threshold is None:
        title = "[bold red]incomplete[/] "
        remark("no threshold could be chosen: rates at a threshold are not known", title=title)
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
