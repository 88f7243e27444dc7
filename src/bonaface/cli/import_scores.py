"""`bonaface import`: scores that another program wrote become a score table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bonaface.cli.console import check_not_input, remark, say
from bonaface.cli.judging import is_score_table
from bonaface.errors import BonafaceError

if TYPE_CHECKING:
    from bonaface.evaluation.score_format import ScoreFormat
    from bonaface.evaluation.scores import ScoreTable

Text = str | None


def import_scores(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="Scores of another program: text, a row a picture.")
    ],
    out: Annotated[Path, typer.Option(help="The score table, for 'bonaface evaluate'.")] = Path("scores.csv"),
    add: Annotated[
        bool, typer.Option("--add", help="Add to the rows in --out, e.g. the test list to the dev list.")
    ] = False,
    form: Annotated[
        Path | None,
        typer.Option("--format", help="A JSON file that says all this, and more; an option comes before it."),
    ] = None,
    polarity: Annotated[Text, typer.Option(help="attack-high or bonafide-high: who scores higher.")] = None,
    columns: Annotated[
        Text,
        typer.Option(help="sample=path,label=target,score=prob: our columns from FILE's, or their numbers."),
    ] = None,
    bonafide_label: Annotated[
        Text, typer.Option(help="The word of bona fide rows in the label column.")
    ] = None,
    attack_label: Annotated[Text, typer.Option(help="The word of attacks there.")] = None,
    scale: Annotated[Text, typer.Option(help="probability (the default), logit, or range.")] = None,
    low: Annotated[float | None, typer.Option(help="The lowest score of a range.")] = None,
    high: Annotated[float | None, typer.Option(help="The highest.")] = None,
    delimiter: Annotated[
        Text, typer.Option(help="comma (the default), tab, semicolon or whitespace.")
    ] = None,
    no_header: Annotated[bool, typer.Option("--no-header", help="Columns have numbers, from 1.")] = False,
    species: Annotated[Text, typer.Option(help="Of all attacks, where no column says it.")] = None,
    species_words: Annotated[
        Text, typer.Option(help="0=bonafide,1=print: the species column's words.")
    ] = None,
    split: Annotated[Text, typer.Option(help="Of all rows, where no column says it.")] = None,
    subject_pattern: Annotated[Text, typer.Option(help="Finds (?P<subject>...) in a sample's name.")] = None,
) -> None:
    """Turn the scores of another program into a score table, by a declared format.

    Nothing is guessed from the values. What is declared the wrong way round shows as a note.
    """
    from bonaface.evaluation.imported import import_scores as imported
    from bonaface.evaluation.imported import joined
    from bonaface.evaluation.scores import read_scores, write_scores

    said = {
        "polarity": polarity.replace("-", "_") if polarity else None,
        "columns": _pairs("--columns", columns),
        "bonafide_label": bonafide_label,
        "attack_label": attack_label,
        "scale": scale,
        "low": low,
        "high": high,
        "delimiter": delimiter,
        "has_header": False if no_header else None,
        "species": species,
        "species_words": _pairs("--species-words", species_words),
        "split": split,
        "subject_pattern": subject_pattern,
    }
    given = {name: value for name, value in said.items() if value is not None}
    table = imported(source, _declared(form, given))
    check_not_input(out, source, form)
    if out.exists() and not is_score_table(out):
        raise BonafaceError(
            f"--out must be a new file or a table of scores; {out} is another; name a new one"
        )
    whole = joined(read_scores(out), table) if add else table
    out.parent.mkdir(parents=True, exist_ok=True)
    write_scores(out, whole)
    for line in _counts(whole):
        say(line)
    _show_ranking(whole)
    say(f"wrote {out}")


def _declared(form: Path | None, given: dict[str, Any]) -> ScoreFormat:
    """What the file says, with the options' words in place of its own."""
    from bonaface.evaluation.score_format import ScoreFormat, read_format

    if form is not None:
        return replace(read_format(form), **given)
    for name in ("polarity", "columns"):
        if name not in given:
            raise BonafaceError(
                f"--{name} must be given, or --format; it is not; no file says of itself what it means"
            )
    return ScoreFormat(**given)


def _pairs(option: str, text: str | None) -> dict[str, str] | None:
    """`name=value,name=value` as a mapping."""
    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    names = [name.strip() for name, _, _ in pairs]
    if not all(
        name and equals and value.strip() for name, (_, equals, value) in zip(names, pairs, strict=True)
    ):
        raise BonafaceError(f"{option} must be written name=value,name=value; got '{text}'")
    if len(set(names)) < len(names):
        raise BonafaceError(f"{option} must say each name once; got '{text}'; keep one of each")
    return {name: value.strip() for name, (_, _, value) in zip(names, pairs, strict=True)}


def _counts(table: ScoreTable) -> Iterator[str]:
    """A line for each split: how many rows of which species, and how many have no score."""
    import numpy as np

    for split in np.unique(table.split).tolist():
        rows = table.split == split
        names, counts = np.unique(table.species[rows], return_counts=True)
        found = dict(zip(names.tolist(), counts.tolist(), strict=True))
        parts = [
            f"{found.pop('bonafide', 0)} bonafide",
            *(f"{count} {name}" for name, count in found.items()),
        ]
        silent = int((rows & ~table.has_score).sum())
        yield f"{split}: {', '.join(parts)}" + (f"; {silent} without a score" if silent else "")


def _show_ranking(table: ScoreTable) -> None:
    from bonaface.errors import ScoreError
    from bonaface.evaluation.curves import auc
    from bonaface.evaluation.polarity import polarity_note

    try:
        say(f"AUC {auc(table):.4f}")
    except ScoreError as error:
        remark(f"note: the AUC is not known: {error}")
    note = polarity_note(table)
    if note is not None:
        remark(f"note: {note}")
