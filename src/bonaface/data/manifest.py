"""The manifest: a table, a row a sample, that says what each picture is known to be and what it is used for."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bonaface.data.whole_file import whole_file
from bonaface.errors import ManifestError, MissingExtraError, did_you_mean
from bonaface.vocabulary import CHAIN, SPECIES, Family, Label, Species, Split, known_species

REQUIRED = ("path", "label", "species", "subject")
_OPTIONAL = ("split", "family", "source", "licence", "parameters")


@dataclass(frozen=True, slots=True)
class Row:
    """One sample.

    Attributes:
        path: Where the picture is, as written: relative to the manifest's folder, or absolute.
        label: bonafide or attack.
        species: A word of the vocabulary, or one's own word with its family given.
        subject: Who is in the picture; splits never share one.
        split: train, dev, test; None where the manifest does not say.
        source: Where the picture comes from.
        licence: Under which it may be used.
        parameters: For simulated attacks, what was drawn, as JSON.
        groups: All other columns that have a name, as text.
    """

    path: str
    label: Label
    species: Species
    subject: str
    split: Split | None = None
    source: str = ""
    licence: str = ""
    parameters: str = ""
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_bonafide(self) -> bool:
        return self.label is Label.BONAFIDE


@dataclass(frozen=True, slots=True)
class Manifest:
    """Rows and the folder that their relative paths start from."""

    rows: tuple[Row, ...]
    folder: Path

    def picture_path(self, row: Row) -> Path:
        """Where the row's picture is on this machine."""
        return self.folder / row.path

    def of_split(self, *splits: Split) -> Manifest:
        """The rows of these splits."""
        return replace(self, rows=tuple(row for row in self.rows if row.split in splits))

    def where(self, keep: Callable[[Row], bool]) -> Manifest:
        """The rows that `keep` says yes to."""
        return replace(self, rows=tuple(row for row in self.rows if keep(row)))

    def counts(self) -> dict[tuple[str, str], int]:
        """Rows by (split or '', species)."""
        return dict(Counter((row.split or "", row.species.name) for row in self.rows))


def read_manifest(path: Path) -> Manifest:
    """Read a manifest, CSV or Parquet by its suffix, and check every row of it.

    Args:
        path: A `.csv` file (UTF-8, with a header) or a `.parquet` file.

    Raises:
        ManifestError: If a column is missing, or a row has an unknown or contradicting word.
        MissingExtraError: For Parquet, if pyarrow is not installed.
    """
    if path.is_dir():
        inside = (
            f"did you mean {path / 'manifest.csv'}?" if (path / "manifest.csv").is_file() else "name the file"
        )
        raise ManifestError(f"{path} must be a manifest (CSV or Parquet); it is a folder; {inside}")
    if not path.is_file():
        raise ManifestError(f"{path} must be a manifest (CSV or Parquet); it does not exist; check the path")
    is_parquet = path.suffix == ".parquet"
    table = _parquet_rows(path) if is_parquet else _csv_rows(path)
    if not table:
        raise ManifestError(f"{path} must have at least one row below its header; it has none")
    for column in REQUIRED:
        if column not in table[0]:
            have = ", ".join(table[0])
            raise ManifestError(
                f"{path} must have the columns {', '.join(REQUIRED)}; '{column}' is missing "
                f"(it has {have}){did_you_mean(column, table[0])}"
            )
    first = 1 if is_parquet else 2  # a CSV file's header is its row 1
    rows = tuple(_row(values, f"{path} row {number}") for number, values in enumerate(table, start=first))
    return Manifest(rows, path.parent)


def write_manifest(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as CSV, or as Parquet when the suffix says so. Columns that no row fills are left out."""
    plain = [_plain(row) for row in rows]
    filled = {column for values in plain for column, value in values.items() if value}
    order = [*REQUIRED, *_OPTIONAL, *sorted({c for values in plain for c in values})]
    columns = [c for c in dict.fromkeys(order) if c in filled or c in REQUIRED]
    table = [{column: values.get(column, "") for column in columns} for values in plain]
    with whole_file(path) as part:
        if path.suffix == ".parquet":
            pyarrow, parquet = _pyarrow()
            parquet.write_table(pyarrow.Table.from_pylist(table), part)
            return
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(table)


def check_names(paths: Iterable[Path]) -> None:
    """Raise `ManifestError` where the name of a file is no UTF-8: it can not stand in a manifest."""
    for path in paths:
        try:
            str(path).encode()
        except UnicodeEncodeError:
            raise ManifestError(
                f"names of files must be UTF-8 to stand in a manifest; {str(path)!a} is not; rename it"
            ) from None


def missing_files(manifest: Manifest) -> list[Path]:
    """Pictures that the manifest names and that are not there."""
    return [path for row in manifest.rows if not (path := manifest.picture_path(row)).is_file()]


def check_files(manifest: Manifest) -> None:
    """Raise `ManifestError` with the count and the first ten names if any picture is missing."""
    missing = missing_files(manifest)
    if missing:
        first = ", ".join(str(path) for path in missing[:10])
        raise ManifestError(
            f"every picture of the manifest must be there; {len(missing)} of {len(manifest.rows)} are missing: "
            f"{first}{' ...' if len(missing) > 10 else ''}; add them or leave their rows out"
        )


def check_classes(manifest: Manifest, *, what: str) -> None:
    """Raise `ManifestError` unless there are rows, and bona fide ones among them."""
    if not any(row.is_bonafide for row in manifest.rows):
        raise ManifestError(
            f"{what} must have bonafide rows; it has none among {len(manifest.rows)}; add bona fide pictures"
        )


def _row(values: Mapping[str, str], where: str) -> Row:
    label_word = values["label"]
    if label_word not in set(Label):
        raise ManifestError(
            f"{where}: label must be bonafide or attack; got '{label_word}'{did_you_mean(label_word, Label)}"
        )
    label, species = Label(label_word), _species(values, where)
    if label is not species.label:
        raise ManifestError(
            f"{where}: label and species must agree; got label {label} with species {species.name}"
        )
    split_word = values.get("split", "")
    if split_word and split_word not in set(Split):
        raise ManifestError(
            f"{where}: split must be train, dev, test or empty; got '{split_word}'"
            f"{did_you_mean(split_word, Split)}"
        )
    for column in ("path", "subject"):
        if not values[column]:
            raise ManifestError(f"{where}: {column} must not be empty")
    return Row(
        path=values["path"],
        label=label,
        species=species,
        subject=values["subject"],
        split=Split(split_word) if split_word else None,
        source=values.get("source", ""),
        licence=values.get("licence", ""),
        parameters=values.get("parameters", ""),
        # pandas writes its index as a column without a name
        groups={c: v for c, v in values.items() if c and c not in REQUIRED and c not in _OPTIONAL},
    )


def _species(values: Mapping[str, str], where: str) -> Species:
    name, family = values["species"], values.get("family", "")
    species = known_species(name)
    if species is not None:
        if family and family != species.family:
            raise ManifestError(
                f"{where}: the family of {name} is {species.family or 'none'}; got '{family}'; leave it empty"
            )
        return species
    if family in set(Family) and name:
        return Species(name, Family(family), "a species of the manifest's own")
    wrong = next((word for word in name.split(CHAIN) if word not in SPECIES), name)
    raise ManifestError(
        f"{where}: species must be one of {', '.join(SPECIES)}, or have its family (physical or digital) in a "
        f"column 'family'; got '{name}'{did_you_mean(wrong, SPECIES)}"
    )


def _plain(row: Row) -> dict[str, str]:
    own = known_species(row.species.name) is None
    return {
        "path": row.path,
        "label": str(row.label),
        "species": row.species.name,
        "subject": row.subject,
        "split": str(row.split or ""),
        "family": str(row.species.family or "") if own else "",
        "source": row.source,
        "licence": row.licence,
        "parameters": row.parameters,
        **row.groups,
    }


def _csv_rows(path: Path) -> Sequence[Mapping[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns, rows = reader.fieldnames or (), [dict(row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        remedy = "save it again" if path.suffix.lower() == ".csv" else "give a manifest, which lists pictures"
        raise ManifestError(f"{path} must be CSV text in UTF-8; it is not ({error}); {remedy}") from None
    _check_header(path, columns)
    repeated = [column for column, count in Counter(columns).items() if column and count > 1]
    if repeated:
        raise ManifestError(f"{path} must name each column once; '{repeated[0]}' comes twice; rename one")
    for number, row in enumerate(rows, start=2):
        if None in row:
            raise ManifestError(
                f"{path} row {number} has more fields than the header; quote fields with commas"
            )
    return rows


def _check_header(path: Path, columns: Sequence[str]) -> None:
    """Raise `ManifestError` for a first row that is no header, or is parted by something else than commas."""
    if len(columns) == 1 and (marks := [mark for mark in (";", "\t") if mark in columns[0]]):
        said = {";": "semicolons", "\t": "tabs"}[marks[0]]
        raise ManifestError(
            f"{path} must have commas between columns; it has {said}; save it again as CSV with commas"
        )
    if {*columns} & {*Label} and not {*columns} & {*REQUIRED}:
        raise ManifestError(
            f"{path} must have a header as its first row, {','.join(REQUIRED)}; it begins with a picture; add the header"
        )


def _parquet_rows(path: Path) -> Sequence[Mapping[str, str]]:
    pyarrow, parquet = _pyarrow()
    try:
        table = parquet.read_table(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise ManifestError(f"{path} must be a Parquet file; it can not be read ({error})") from None
    return [{c: "" if v is None else str(v) for c, v in row.items()} for row in table.to_pylist()]


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow  # noqa: PLC0415
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise MissingExtraError("a Parquet manifest", extra="parquet") from None
    return pyarrow, parquet
