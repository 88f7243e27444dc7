from __future__ import annotations

import sys
from pathlib import Path

import pytest

from bonaface.data.manifest import (
    Manifest,
    Row,
    check_classes,
    check_files,
    missing_files,
    read_manifest,
    write_manifest,
)
from bonaface.errors import ManifestError, MissingExtraError
from bonaface.vocabulary import BONAFIDE, SPECIES, Family, Label, Species, Split, known_species

SHARED = Path(__file__).parents[3] / "shared/faces/manifest.csv"
HEADER = "path,label,species,subject"
KNOWN = ", ".join(SPECIES)


def csv(folder: Path, *lines: str) -> Path:
    path = folder / "manifest.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def refused(path: Path) -> str:
    """What the error says after the file's name."""
    with pytest.raises(ManifestError) as e:
        read_manifest(path)
    assert str(e.value).startswith(str(path))
    return str(e.value).removeprefix(str(path))


def bonafide(path: str = "a.jpg", subject: str = "ann", **rest) -> Row:
    return Row(path, Label.BONAFIDE, BONAFIDE, subject, **rest)


ROWS = (
    bonafide(
        split=Split.TRAIN, source="made here", licence="CC0-1.0", groups={"camera": "x, y", "age": "30"}
    ),
    Row(
        'sub/"b" ü.png',
        Label.ATTACK,
        SPECIES["print"],
        "bob",
        Split.TEST,
        parameters='{"a": [1, 2]}',
        groups={"camera": "two\nlines", "age": "00"},
    ),
    Row(
        "c.jpg",
        Label.ATTACK,
        Species("puppet", Family.PHYSICAL, "a species of the manifest's own"),
        "cleo",
        groups={"camera": "", "age": "?"},
    ),
)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_rows_survive_writing_and_reading(tmp_path, suffix):
    path = tmp_path / "new" / f"manifest.{suffix}"
    write_manifest(path, ROWS)
    manifest = read_manifest(path)
    assert manifest.rows == ROWS
    assert manifest.folder == path.parent


def test_columns_that_no_row_fills_are_left_out(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(path, [bonafide(groups={"age": "", "camera": "x"}), bonafide("b.jpg")])
    assert path.read_text().splitlines() == [
        "path,label,species,subject,camera",
        "a.jpg,bonafide,bonafide,ann,x",
        "b.jpg,bonafide,bonafide,ann,",
    ]


def test_the_family_is_written_for_own_species_alone(tmp_path):
    path = tmp_path / "manifest.csv"
    write_manifest(path, ROWS[1:])
    families = [line.split(",")[5] for line in path.read_text().splitlines() if line.startswith("c.jpg")]
    assert families == ["physical"]
    write_manifest(path, ROWS[:2])
    assert "family" not in path.read_text()


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text(f"{HEADER}\na.jpg,bonafide,bonafide,ann\n", encoding="utf-8-sig")
    assert read_manifest(path).rows == (bonafide(),)


def test_extra_columns_become_groups(tmp_path):
    path = csv(
        tmp_path,
        f"{HEADER},skin,grayscale",
        "a.jpg,bonafide,bonafide,ann,IV,0",
        "b.jpg,bonafide,bonafide,ann",
    )
    assert [row.groups for row in read_manifest(path).rows] == [
        {"skin": "IV", "grayscale": "0"},
        {"skin": "", "grayscale": ""},
    ]


def test_a_column_without_a_name_is_left_out(tmp_path):
    path = csv(tmp_path, f",{HEADER}", "0,a.jpg,bonafide,bonafide,ann")
    assert read_manifest(path).rows == (bonafide(),)


def test_parquet_values_become_text(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    row = {
        "path": "a.jpg",
        "label": "bonafide",
        "species": "bonafide",
        "subject": 14,
        "age": 30,
        "split": None,
    }
    parquet.write_table(pyarrow.Table.from_pylist([row]), tmp_path / "m.parquet")
    assert read_manifest(tmp_path / "m.parquet").rows == (bonafide(subject="14", groups={"age": "30"}),)


@pytest.mark.parametrize("column", ["path", "label", "species", "subject"])
def test_a_missing_column(tmp_path, column):
    have = [name for name in HEADER.split(",") if name != column]
    path = csv(tmp_path, ",".join(have), "x,x,x")
    assert refused(path) == (
        f" must have the columns path, label, species, subject; '{column}' is missing (it has {', '.join(have)})"
    )


def test_a_misspelt_column(tmp_path):
    path = csv(tmp_path, "path,label,specie,subject", "a.jpg,bonafide,bonafide,ann")
    assert refused(path).endswith(
        "'species' is missing (it has path, label, specie, subject); did you mean 'specie'?"
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a.jpg,attack,prnt,ann", f"species must be one of {KNOWN}, or have its family (physical or digital) in a "
         "column 'family'; got 'prnt'; did you mean 'print'?"),
        ("a.jpg,attack,zzz,ann", f"species must be one of {KNOWN}, or have its family (physical or digital) in a "
         "column 'family'; got 'zzz'"),
        ("a.jpg,attack,,ann", f"species must be one of {KNOWN}, or have its family (physical or digital) in a "
         "column 'family'; got ''"),
        ("a.jpg,live,bonafide,ann", "label must be bonafide or attack; got 'live'"),
        ("a.jpg,atack,print,ann", "label must be bonafide or attack; got 'atack'; did you mean 'attack'?"),
        ("a.jpg,Attack,print,ann", "label must be bonafide or attack; got 'Attack'; did you mean 'attack'?"),
        ("a.jpg,,print,ann", "label must be bonafide or attack; got ''"),
        ("a.jpg,bonafide,print,ann", "label and species must agree; got label bonafide with species print"),
        ("a.jpg,attack,bonafide,ann", "label and species must agree; got label attack with species bonafide"),
        ("a.jpg,bonafide,bonafide,", "subject must not be empty"),
        (",bonafide,bonafide,ann", "path must not be empty"),
        ("a.jpg,bonafide,bonafide", "subject must not be empty"),
    ],
)  # fmt: skip
def test_a_row_with_a_wrong_word_is_named(tmp_path, line, says):
    path = csv(tmp_path, HEADER, "ok.jpg,bonafide,bonafide,ok", line)
    assert refused(path) == f" row 3: {says}"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ("attack,puppet,ann,mental", "column 'family'; got 'puppet'"),
        ("attack,print,ann,digital", "the family of print is physical; got 'digital'; leave it empty"),
        ("bonafide,bonafide,ann,digital", "the family of bonafide is none; got 'digital'; leave it empty"),
        (
            "bonafide,puppet,ann,digital",
            "label and species must agree; got label bonafide with species puppet",
        ),
    ],
)
def test_a_wrong_family(tmp_path, values, says):
    path = csv(tmp_path, f"{HEADER},family", f"a.jpg,{values}")
    assert refused(path).endswith(says)


def test_a_known_species_may_repeat_its_family(tmp_path):
    path = csv(tmp_path, f"{HEADER},family", "a.jpg,attack,print,ann,physical")
    assert read_manifest(path).rows[0].species is SPECIES["print"]


def test_a_species_of_ones_own_with_its_family(tmp_path):
    path = csv(tmp_path, f"{HEADER},family", "a.jpg,attack,puppet,ann,digital")
    species = read_manifest(path).rows[0].species
    assert (species.name, species.family, species.label) == ("puppet", Family.DIGITAL, Label.ATTACK)


@pytest.mark.parametrize("family", ["", "physical"])
def test_a_chain_of_species(tmp_path, family):
    (row,) = read_manifest(csv(tmp_path, f"{HEADER},family", f"a,attack,faceswap+print,b,{family}")).rows
    assert row.species == known_species("faceswap+print")
    assert row.species.families == set(Family)
    write_manifest(tmp_path / "again.csv", [row])
    assert (tmp_path / "again.csv").read_text() == f"{HEADER}\na,attack,faceswap+print,b\n"


def test_a_chain_with_a_wrong_word_or_family(tmp_path):
    said = refused(csv(tmp_path, HEADER, "a,attack,faceswap+prnt,b"))
    assert said.endswith("got 'faceswap+prnt'; did you mean 'print'?")
    said = refused(csv(tmp_path, f"{HEADER},family", "a,attack,faceswap+print,b,digital"))
    assert said == " row 2: the family of faceswap+print is physical; got 'digital'; leave it empty"


def test_a_wrong_split(tmp_path):
    path = csv(tmp_path, f"{HEADER},split", "a.jpg,bonafide,bonafide,ann,trian")
    assert refused(path) == (
        " row 2: split must be train, dev, test or empty; got 'trian'; did you mean 'train'?"
    )


def test_too_many_fields(tmp_path):
    path = csv(tmp_path, HEADER, "a.jpg,bonafide,bonafide,ann", "b,c.jpg,bonafide,bonafide,ann")
    assert refused(path) == " row 3 has more fields than the header; quote fields with commas"


@pytest.mark.parametrize(("mark", "said"), [(";", "semicolons"), ("\t", "tabs")])
def test_other_separators_are_named(tmp_path, mark, said):
    path = csv(tmp_path, HEADER.replace(",", mark), "a.jpg,bonafide,bonafide,ann".replace(",", mark))
    assert (
        refused(path) == f" must have commas between columns; it has {said}; save it again as CSV with commas"
    )


def test_a_manifest_without_a_header(tmp_path):
    path = csv(tmp_path, "a.jpg,bonafide,bonafide,ann", "b.jpg,bonafide,bonafide,ben")
    assert refused(path) == (
        " must have a header as its first row, path,label,species,subject; it begins with a picture; add the header"
    )


def test_a_column_that_comes_twice(tmp_path):
    path = csv(tmp_path, f"{HEADER},label", "a.jpg,attack,bonafide,ann,bonafide")
    assert refused(path) == " must name each column once; 'label' comes twice; rename one"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused(tmp_path, encoding):
    path = tmp_path / "manifest.csv"
    path.write_text(f"{HEADER}\na.jpg,bonafide,bonafide,Zoë\n", encoding=encoding)
    says = refused(path)
    assert says.startswith(" must be CSV text in UTF-8; it is not ('utf-8' codec can't decode byte ")
    assert says.endswith("; save it again")


def test_a_field_without_end_is_refused(tmp_path):
    path = csv(tmp_path, HEADER, "a" * 140_000 + ",bonafide,bonafide,ann")
    assert refused(path).startswith(" must be CSV text in UTF-8; it is not (field larger than field limit")


@pytest.mark.parametrize("lines", [(HEADER,), ("",), (HEADER, "", "")])
def test_a_manifest_without_rows(tmp_path, lines):
    assert refused(csv(tmp_path, *lines)) == " must have at least one row below its header; it has none"


def test_a_manifest_that_is_not_there(tmp_path):
    says = " must be a manifest (CSV or Parquet); it does not exist; check the path"
    assert refused(tmp_path / "nowhere.csv") == says
    inside = " must be a manifest (CSV or Parquet); it is a folder; "
    assert refused(tmp_path) == f"{inside}name the file"
    csv(tmp_path, HEADER).rename(tmp_path / "manifest.csv")
    assert refused(tmp_path) == f"{inside}did you mean {tmp_path / 'manifest.csv'}?"


def test_what_ends_the_writing_leaves_what_was_there(tmp_path):
    path = tmp_path / "manifest.csv"
    path.write_text("as it was")

    def rows():
        yield Row("a.png", Label.BONAFIDE, BONAFIDE, "b\udce9")  # a name that is no UTF-8

    with pytest.raises(UnicodeEncodeError):
        write_manifest(path, rows())
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("manifest.csv", "as it was")]


def test_text_under_the_name_of_parquet(tmp_path):
    path = tmp_path / "manifest.parquet"
    path.write_text(f"{HEADER}\na.jpg,bonafide,bonafide,ann\n")
    assert refused(path).startswith(" must be a Parquet file; it can not be read (")


def test_a_wrong_row_of_a_parquet_file_is_counted_from_one(tmp_path):
    path = tmp_path / "manifest.parquet"
    write_manifest(path, [bonafide(subject="")])
    assert refused(path) == " row 1: subject must not be empty"


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "manifest.parquet"
    path.touch()
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for use in (lambda: read_manifest(path), lambda: write_manifest(path, ROWS)):
        with pytest.raises(MissingExtraError) as e:
            use()
        assert str(e.value) == (
            "a Parquet manifest needs packages outside the light install; "
            "install them with: pip install 'bonaface[parquet]'"
        )


def test_where_the_pictures_are(tmp_path):
    manifest = Manifest((bonafide("sub/a.jpg"), bonafide("/far/b.jpg")), tmp_path)
    assert [manifest.picture_path(row) for row in manifest.rows] == [
        tmp_path / "sub/a.jpg",
        Path("/far/b.jpg"),
    ]


def test_missing_files_are_counted_and_the_first_ten_named(tmp_path):
    manifest = Manifest(tuple(bonafide(f"{number:02}.jpg") for number in range(14)), tmp_path)
    (tmp_path / "03.jpg").touch()
    (tmp_path / "05.jpg").mkdir()
    missing = [tmp_path / f"{number:02}.jpg" for number in range(14) if number != 3]
    assert missing_files(manifest) == missing
    with pytest.raises(ManifestError) as e:
        check_files(manifest)
    assert str(e.value) == (
        "every picture of the manifest must be there; 13 of 14 are missing: "
        f"{', '.join(map(str, missing[:10]))} ...; add them or leave their rows out"
    )


def test_one_missing_file(tmp_path):
    with pytest.raises(ManifestError, match=r"1 of 1 are missing: [^ ]+a\.jpg; add them"):
        check_files(Manifest((bonafide(),), tmp_path))


def test_files_that_are_all_there(tmp_path):
    (tmp_path / "a.jpg").touch()
    check_files(Manifest((bonafide(),), tmp_path))


def test_rows_by_split_and_by_choice():
    manifest = Manifest(ROWS, Path())
    assert manifest.of_split(Split.TRAIN).rows == ROWS[:1]
    assert manifest.of_split(Split.TRAIN, Split.TEST).rows == ROWS[:2]
    assert manifest.where(lambda row: row.species.name == "puppet").rows == ROWS[2:]
    assert manifest.counts() == {("train", "bonafide"): 1, ("test", "print"): 1, ("", "puppet"): 1}
    assert [row.is_bonafide for row in ROWS] == [True, False, False]


def test_a_manifest_without_bonafide_rows_is_refused():
    check_classes(Manifest(ROWS, Path()), what="the test split")
    with pytest.raises(ManifestError) as e:
        check_classes(Manifest(ROWS[1:], Path()), what="the test split")
    assert str(e.value) == (
        "the test split must have bonafide rows; it has none among 2; add bona fide pictures"
    )


@pytest.mark.shared
def test_counts_of_the_portraits_beside_the_checkout():
    if not SHARED.is_file():
        pytest.skip(f"{SHARED} is not there")
    manifest = read_manifest(SHARED)
    assert manifest.counts() == {("", "bonafide"): 759, ("", "diffusion"): 166}
    assert missing_files(manifest) == []
    assert {tuple(row.groups) for row in manifest.rows} == {("grayscale",)}
