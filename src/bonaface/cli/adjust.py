"""`bonaface adjust`: a bundle's threshold for one's own cameras."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bonaface.cli.console import (
    check_finder,
    finder_file,
    folder_beside,
    plain,
    progress_bar,
    remark,
    results,
    say,
    words,
)
from bonaface.cli.options import Bundle, Finder, Threads
from bonaface.errors import ManifestError
from bonaface.vocabulary import Split

if TYPE_CHECKING:
    from rich.table import Table

    from bonaface.data.manifest import Manifest, Row
    from bonaface.evaluation.measured import MeasuredRate
    from bonaface.evaluation.own_threshold import Errors
    from bonaface.evaluation.scores import ScoreTable
    from bonaface.faces.finder import Finder as FaceFinder

PRESENTATION = "presentation"
"""The group column of what is judged together."""


def adjust(
    captures: Annotated[
        Path,
        typer.Argument(
            help="A folder of genuine captures by your cameras, one folder a person if there are several of one; or a manifest, "
            "whose attacks then count too."
        ),
    ],
    out: Annotated[Path, typer.Argument(help="The new bundle's folder; a bundle in it is replaced.")],
    bundle: Bundle = None,
    rule: Annotated[
        str,
        typer.Option(
            help="What chooses: bpcer=x, the share of genuine captures that may be turned away; or apcer=x, eer, min_acer."
        ),
    ] = "bpcer=0.05",
    species: Annotated[
        str,
        typer.Option(help="Attacks that are simulated on the captures, by commas; see 'bonaface simulate'."),
    ] = "print,replay,faceswap",
    together: Annotated[
        bool,
        typer.Option(
            "--together",
            help="All captures of a person are one presentation, as 'bonaface check --together' judges them; attacks stay single.",
        ),
    ] = False,
    work: Annotated[
        Path | None, typer.Option(help="Folder for attacks and scores; OUT-captures by default.")
    ] = None,
    finder: Finder = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that simulate.")] = 1,
    seed: Annotated[int, typer.Option(help="Of the simulated attacks.")] = 0,
    threads: Threads = 1,
) -> None:
    """Choose a bundle's threshold anew, by genuine captures of your own cameras.

    It takes the lowest threshold that turns away no more of them than --rule allows, and shows what it costs: how many attacks,
    simulated on the same captures, pass there. Of a manifest with a column split the dev rows choose. The same command goes on
    where it was stopped. Exit code 130: it was stopped.
    """
    from bonaface.bundle import bundle_folder
    from bonaface.cli.judging import scored, scores_key
    from bonaface.cli.simulate import source_manifest
    from bonaface.data.joined import joined
    from bonaface.data.manifest import check_files, write_manifest
    from bonaface.evaluation.intervals import clopper_pearson
    from bonaface.evaluation.own_threshold import check_count, check_out, errors_at, with_own_threshold
    from bonaface.evaluation.presentations import EVIDENCE, aggregate
    from bonaface.inference.gate import load

    clopper_pearson(0, 1)  # the intervals want scipy: say so before the judging, not after
    folder, work = bundle_folder(bundle), work or folder_beside(out, "captures")
    check_out(folder, out)
    gate = load(folder, yunet=finder_file(finder), num_threads=threads)
    check_finder(finder, gate.card.contract.finder)
    own = _to_choose_by(captures, source_manifest(captures, work))
    check_files(own)
    genuine = [row for row in own.rows if row.is_bonafide]
    check_count(rule, len({row.subject for row in genuine}) if together else len(genuine))
    check_has_attacks(own, words(species))
    attacks = attacks_on(own, work / "attacks", words(species), gate.finder, workers=workers, seed=seed)
    everything = _presented(joined([own, attacks] if attacks is not None else [own], work))
    write_manifest(work / "manifest.csv", everything.rows)
    scores = work / f"scores-{scores_key(work / 'manifest.csv', gate.card, finder)}.csv"
    table = scored(gate, everything, scores)
    if together:
        table = aggregate(table, PRESENTATION, EVIDENCE)
    card = with_own_threshold(folder, out, table, rule, are_joint=together)
    before, after = (errors_at(table, at) for at in (gate.threshold, card.threshold.value))
    results.print(_table(before, after))
    _tell_stricter(gate.threshold, card.threshold.value, rule)
    _tell(table, after, is_real=attacks is None)
    say(f"wrote {out}: {card.id}, an attack from {card.threshold.value:.4f} on")


def _tell_stricter(before: float, now: float, rule: str) -> None:
    if now < before:
        remark(
            f"note: stricter than before: {rule} allows a lower threshold than the bundle's own, {before:.4f}; fewer attacks pass, "
            "and more captures are turned away"
        )


def _presented(manifest: Manifest) -> Manifest:
    """Every genuine row with its person as its presentation, every attack as one of its own."""

    def of(row: Row) -> str:
        return row.subject if row.is_bonafide else row.path

    rows = (replace(row, groups={**row.groups, PRESENTATION: of(row)}) for row in manifest.rows)
    return replace(manifest, rows=tuple(rows))


def _to_choose_by(captures: Path, manifest: Manifest) -> Manifest:
    """The dev rows, or all where no row has a split."""
    from bonaface.data.splits import has_splits

    if not has_splits(manifest.rows):
        return replace(manifest, rows=tuple(replace(row, split=Split.DEV) for row in manifest.rows))
    chosen = manifest.of_split(Split.DEV)
    if not any(row.is_bonafide for row in chosen.rows):
        raise ManifestError(
            f"{captures} must have bonafide rows of dev; it has none; check its column 'split'"
        )
    return chosen


def check_has_attacks(own: Manifest, species: list[str]) -> None:
    """Raise `ManifestError` where there is nothing to see what a threshold costs: no attack among the captures, none to be simulated."""
    if not species and all(row.is_bonafide for row in own.rows):
        raise ManifestError(
            "attacks must be there to see what a threshold costs; got genuine captures alone and no --species; name some"
        )


def attacks_on(
    own: Manifest, folder: Path, species: list[str], finder: FaceFinder, *, workers: int, seed: int
) -> Manifest | None:
    """Simulated attacks on the genuine captures, their copies left out: those are genuine as they are; None where none is wanted."""
    from bonaface.cli.simulate import left_out, stopped
    from bonaface.data.manifest import read_manifest
    from bonaface.data.simulated import simulate
    from bonaface.data.simulation_plan import Settings
    from bonaface.training.stopping import stop_requests

    if not species:
        return None
    genuine = own.where(lambda row: row.is_bonafide)
    settings = Settings(tuple(species), seed=seed, splits=(Split.DEV,))
    with stop_requests() as stop:
        made = simulate(
            genuine,
            folder,
            settings,
            finder=finder,
            workers=workers,
            bar=lambda total: progress_bar("simulating", total),
            is_stopped=stop.is_set,
        )
    stopped(made)
    left_out(made)
    return read_manifest(made.manifest).where(lambda row: not row.is_bonafide)


def _table(before: Errors, after: Errors) -> Table:
    """What goes wrong at the bundle's threshold and at the new one."""
    from rich.table import Table

    from bonaface.evaluation.wording import interval_text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in (
        "an attack from",
        f"{before.threshold:.4f} on",
        f"{after.threshold:.4f} on",
        "95 % interval",
    ):
        table.add_column(title, justify="left" if not table.columns else "right", no_wrap=True)
    rows = {"BPCER": (before.bpcer, after.bpcer)}
    rows |= {f"APCER {name}": (before.apcer[name], after.apcer[name]) for name in after.apcer}
    rows["APCER pooled"] = (before.apcer_pooled, after.apcer_pooled)
    for title, (old, new) in rows.items():
        table.add_row(plain(title), _cell(old), _cell(new), interval_text(new.low, new.high))
    return table


def _cell(rate: MeasuredRate) -> str:
    from bonaface.evaluation.wording import percent

    return f"{percent(rate.value)}  {rate.errors} of {rate.total}" if rate.total else "none"


def _tell(table: ScoreTable, after: Errors, *, is_real: bool) -> None:
    """What to expect; `is_real` where every attack is the captures' own and none was simulated."""
    from bonaface.evaluation.rates import apnrr, bpnrr
    from bonaface.evaluation.wording import percent

    cost = f"{'these' if is_real else 'simulated'} attacks tell what it costs"
    say(
        f"of captures like these it will turn away {percent(after.bpcer.low)} to {percent(after.bpcer.high)}; "
        f"{cost}, {'others' if is_real else 'real ones'} may cost more"
    )
    people = len(set(table.subject[table.is_bonafide].tolist()))
    if people < after.bpcer.total:
        remark(
            f"note: {after.bpcer.total} captures of {people} people: the intervals take captures as independent"
        )
    silent = bpnrr(table).errors, apnrr(table).errors
    if any(silent):
        reasons = Counter(table.reason[~table.has_score].tolist()).most_common()
        why = ", ".join(f"{reason} {count}" for reason, count in reasons)
        remark(f"note: {silent[0]} genuine captures and {silent[1]} attacks have no score ({why})")
