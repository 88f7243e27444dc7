"""`bonaface stress`: a bundle on pictures that are altered step by step."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import check_finder, finder_file, progress_bar, remark, results, say
from bonaface.cli.judging import scores_key
from bonaface.cli.options import Bundle, Finder, Threads
from bonaface.errors import BonafaceError, ManifestError, PictureError, did_you_mean
from bonaface.vocabulary import Split

if TYPE_CHECKING:
    from rich.table import Table

    from bonaface.data.manifest import Manifest
    from bonaface.evaluation.alterations import Alteration
    from bonaface.evaluation.causal_probe import ClassProbe
    from bonaface.evaluation.measured import MeasuredRate
    from bonaface.evaluation.robustness import AlteredProbe, Quantity, Robustness
    from bonaface.evaluation.scores import ScoreTable
    from bonaface.inference.gate import Gate
    from bonaface.types import Box, Picture, Verdict

AS_IS = "as_is"
"""The name of the table of untouched pictures."""

QUANTITIES: dict[str, Quantity] = {
    "AUC": "auc",
    "APCER pooled, %": "apcer_pooled",
    "APCER worst species, %": "apcer_worst",
    "BPCER, %": "bpcer",
    "ACER pooled, %": "acer_pooled",
}

Answer = tuple[float | None, str]
"""A score, or None and the reason why there is none."""


@dataclass(frozen=True, slots=True)
class Step:
    """One severity of one kind, counted from 1 at the mildest."""

    alteration: Alteration
    number: int

    @property
    def severity(self) -> float:
        """In the alteration's unit."""
        return self.alteration.severities[self.number - 1]

    @property
    def name(self) -> str:
        """Of its table."""
        return f"{self.alteration.name}-{self.number}"


def stress(
    manifest: Annotated[Path, typer.Argument(help="A manifest of pictures.")],
    out: Annotated[Path, typer.Option(help="Folder for the scores and robustness.json.")] = Path("stress"),
    bundle: Bundle = None,
    finder: Finder = None,
    kinds: Annotated[
        str | None,
        typer.Option(
            help="Which alterations, by commas; all by default: jpeg, blur, noise, darker, brighter, contrast, warmer, "
            "colder, occlusion, downscale, rotation, box_jitter, tighter, looser."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which rows of the manifest: train, dev or test.")] = "test",
    limit: Annotated[
        int | None, typer.Option(min=1, help="So many rows of each species, the same every time; or all.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Where attacks begin; the bundle's own by default.")
    ] = None,
    by: Annotated[
        str | None, typer.Option(help="A group column of the manifest: changes for each of its values too.")
    ] = None,
    threads: Threads = 1,
) -> None:
    """Measure a bundle on pictures that are darkened, blurred, compressed and more, step by step.

    The face is found once, on the untouched picture: the model is measured, not the finder.
    Scores are written as they come; the same command goes on where it was stopped.
    """
    from bonaface.evaluation.alterations import ALTERATIONS
    from bonaface.evaluation.intervals import clopper_pearson
    from bonaface.evaluation.robustness import write_robustness
    from bonaface.inference.gate import load

    words = ALTERATIONS if kinds is None else [word.strip() for word in kinds.split(",")]
    chosen = [ALTERATIONS[_known("--kinds", word, ALTERATIONS)] for word in dict.fromkeys(words)]
    rows = _rows(manifest, Split(_known("--split", split, list(Split))), limit)
    columns = sorted({name for row in rows.rows for name in row.groups})
    if by is not None:
        _known("--by", by, columns)
    clopper_pearson(0, 1)  # the rates at the end want scipy: say so before the judging, not after
    gate = load(bundle, yunet=finder_file(finder), num_threads=threads)
    check_finder(finder, gate.card.contract.finder)
    if gate.card.contract.finder == "whole":
        chosen = _of_whole_pictures(chosen, are_asked=kinds is not None)
    steps = [Step(one, number) for one in chosen for number in range(1, 1 + len(one.severities))]
    folder = out / f"scores-{_key(manifest, gate, finder)}"
    with progress_bar("judging", len(rows.rows)) as advance:
        tables = judged(gate, rows, folder, steps, columns=columns, on_row=advance)
    at = gate.threshold if threshold is None else threshold
    result = robustness_of(tables, steps, at, bundle=gate.card.id, by=by)
    write_robustness(out / "robustness.json", result)
    show(result)
    say(f"wrote {out / 'robustness.json'}")


def _of_whole_pictures(chosen: list[Alteration], *, are_asked: bool) -> list[Alteration]:
    """Those of the alterations that change what a model without a cut is shown; the others are refused where they were asked for."""
    from bonaface.evaluation.alterations import OF_THE_CUT

    idle = [one.name for one in chosen if one.name in OF_THE_CUT]
    if idle and are_asked:
        raise BonafaceError(
            f"--kinds must change what the model is shown; {idle[0]} does not, this bundle takes pictures whole; leave it out"
        )
    if idle:
        remark(f"note: left out: {', '.join(idle)}; this bundle takes pictures whole, no crop is cut")
    return [one for one in chosen if one.name not in idle]


def _known(option: str, word: str, known: Collection[str]) -> str:
    if word not in known:
        tail = did_you_mean(word, known) or "; leave it out"
        raise BonafaceError(f"{option} must be of {', '.join(known) or 'none'}; got '{word}'{tail}")
    return word


def _rows(path: Path, split: Split, limit: int | None) -> Manifest:
    """The rows of a split, or so many of each species: the first ones by a hash of their names."""
    from bonaface.data.manifest import check_files, read_manifest
    from bonaface.data.splits import assigned
    from bonaface.evaluation.scoring import check_once

    manifest = assigned(read_manifest(path)).of_split(split)
    if not manifest.rows:
        raise ManifestError(f"{path} must have {split} rows; it has none; check its column 'split'")
    check_once(manifest)
    if limit is not None:
        by_species: dict[str, list[str]] = defaultdict(list)
        for row in sorted(manifest.rows, key=lambda row: hashlib.sha256(row.path.encode()).digest()):
            by_species[row.species.name].append(row.path)
        kept = {name for drawn in by_species.values() for name in drawn[:limit]}
        manifest = manifest.where(lambda row: row.path in kept)
    check_files(manifest)
    return manifest


def _key(manifest: Path, gate: Gate, finder: str | None) -> str:
    """What scores belong to: the manifest's words, the model, its input contract, the finder and the alterations."""
    from bonaface.evaluation.alterations import ALTERATIONS

    severities = {name: one.severities for name, one in ALTERATIONS.items()}
    return scores_key(manifest, gate.card, finder, repr(severities))


def judged(
    gate: Gate,
    manifest: Manifest,
    folder: Path,
    steps: Sequence[Step],
    *,
    columns: Sequence[str],
    on_row: Callable[[], None],
) -> dict[str, ScoreTable]:
    """Score every row as it is and under every step, a table each in `folder`; what is there is not judged again."""
    import numpy as np

    from bonaface.evaluation.score_writer import ScoreWriter
    from bonaface.evaluation.scores import read_scores
    from bonaface.evaluation.scoring import append_answer, outdated

    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f"{name}.csv" for name in (AS_IS, *(step.name for step in steps))}
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(ScoreWriter(path, groups=columns, forgotten=outdated(manifest, path)))
            for name, path in paths.items()
        }
        for row in manifest.rows:
            missing = [name for name, writer in writers.items() if row.path not in writer.done]
            wanted = [step for step in steps if step.name in missing]
            found = answers(gate, manifest.picture_path(row), row.path, wanted) if missing else {}
            for name in missing:
                score, reason = found[name]
                append_answer(writers[name], row, columns, attack_score=score, reason=reason)
            on_row()
    samples = [row.path for row in manifest.rows]
    tables = {name: read_scores(path) for name, path in paths.items()}
    return {name: table.select(np.isin(table.sample, samples)) for name, table in tables.items()}


def answers(gate: Gate, path: Path, sample: str, steps: Sequence[Step]) -> dict[str, Answer]:
    """What the gate says of a picture as it is and under each step; no answer as it is, none at all."""
    from bonaface.evaluation.alterations import face_region
    from bonaface.faces.picture import read_picture

    verdict = gate(path)
    as_is = _answer(verdict)
    if verdict.attack_score is None or verdict.box is None:
        return dict.fromkeys((AS_IS, *(step.name for step in steps)), as_is)
    picture, box = face_region(read_picture(path), verdict.box, gate.card.contract.margin_ratio)
    altered = {step.name: _altered(gate, picture, box, sample, step) for step in steps}
    return {AS_IS: as_is, **altered}


def _altered(gate: Gate, picture: Picture, box: Box, sample: str, step: Step) -> Answer:
    from bonaface.data.randomness import generator
    from bonaface.faces.crop import prepare

    # drawn without the severity, which only adds strength
    drawn = generator("stress", sample, step.alteration.name)
    changed, moved = step.alteration.apply(picture, box, step.severity, drawn)
    # the face was large enough as it is; a tighter crop must not make it too small
    contract = replace(gate.card.contract, min_face_px=0)
    try:
        return _answer(gate.judge(prepare(changed, moved, contract)))
    except PictureError as error:  # the crop was moved out of the picture
        return None, error.reason


def _answer(verdict: Verdict) -> Answer:
    return verdict.attack_score, "" if verdict.attack_score is not None else str(verdict.reason)


def robustness_of(
    tables: Mapping[str, ScoreTable], steps: Sequence[Step], threshold: float, *, bundle: str, by: str | None
) -> Robustness:
    """Curves and probes of score tables by the names of their steps."""
    from bonaface.evaluation.causal_probe import causal_probe
    from bonaface.evaluation.robustness import AlteredProbe, Robustness, robustness

    as_is, curves = tables[AS_IS], []
    for one in dict.fromkeys(step.alteration for step in steps):
        of_kind = {step.severity: tables[step.name] for step in steps if step.alteration is one}
        curves.append(robustness({one.as_is: as_is, **of_kind}, threshold, kind=one.name, unit=one.unit))
    probes = [
        AlteredProbe(
            step.alteration.name, step.severity, causal_probe(as_is, tables[step.name], threshold, by=by)
        )
        for step in steps
    ]
    return Robustness(bundle, Split(str(as_is.split[0])), len(as_is), tuple(curves), tuple(probes))


def show(result: Robustness) -> None:
    """Print the curves, and what each kind does to the same pictures at its strongest."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for curve in result.curves:
        table.add_section()
        severities = (f"{severity:g}" for severity in curve.severities[1:])
        table.add_row(f"{curve.kind}, {curve.unit}", "as is", *severities, "mean", style="bold")
        for name, quantity in QUANTITIES.items():
            values = (*curve.values(quantity), getattr(curve.areas, quantity))
            table.add_row(name, *(_cell(value, is_share=quantity != "auc") for value in values))
        silent = [point.apnrr.errors + point.bpnrr.errors for point in curve.points]
        if any(silent):
            table.add_row("no answer", *map(str, silent), "")
    for column in table.columns[1:]:
        column.justify = "right"
    results.print(table)
    results.print()
    results.print(_probe_table(result.probes))
    say(
        f"{result.rows} pictures of {result.split}, threshold {result.curves[0].threshold:.4f}; "
        "counts and intervals of all rates are in the file"
    )
    for note in (note for curve in result.curves for note in curve.notes):
        remark(f"note: {note}")


def _probe_table(probes: Sequence[AlteredProbe]) -> Table:
    """Of each kind at its strongest severity: the mean change of scores, its interval, and the verdicts that flip."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("only this", no_wrap=True)
    for column in ("bona fide scores", "flipped", "attack scores", "flipped"):
        table.add_column(column, justify="right", no_wrap=True)
    for kind, one in {one.kind: one for one in probes}.items():  # the last of a kind is its strongest
        genuine, attack = one.probe.bonafide, one.probe.attack
        cells = (*_moved(genuine, genuine.to_attack), *_moved(attack, attack.to_bonafide))
        table.add_row(f"{kind} {one.severity:g}", *cells)
    return table


def _moved(one: ClassProbe, flipped: MeasuredRate) -> tuple[str, str]:
    change = one.attack_score
    interval = f" ({change.low:+.2f}, {change.high:+.2f})" if math.isfinite(change.low) else ""
    return f"{change.mean:+.2f}{interval}" if one.pairs else "", f"{flipped.errors} of {flipped.total}"


def _cell(value: float, *, is_share: bool) -> str:
    if math.isnan(value):
        return ""
    return f"{100 * value:.1f}" if is_share else f"{value:.3f}"
