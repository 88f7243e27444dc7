from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from bonaface.data.manifest import Manifest, Row
from bonaface.data.protocols.audit import Overlap, _size_notes, audit, identity_overlaps, split_counts
from bonaface.data.protocols.picture_files import PictureFiles
from bonaface.data.protocols.uniattackdata import Protocol, uniattackdata
from bonaface.vocabulary import SPECIES, Split
from uniattackdata_slice import ADVERSARIAL, LIVE, PHYSICAL, write_lists, write_pictures


def manifest(*lines: str, folder: Path = Path()) -> Manifest:
    """Rows from lines of 'path species subject split partner'; a dash is nothing."""
    rows = []
    for line in lines:
        path, word, subject, split, partner = line.split()
        groups = {} if partner == "-" else {"partner": partner}
        where = None if split == "-" else Split(split)
        rows.append(Row(path, SPECIES[word].label, SPECIES[word], subject, where, groups=groups))
    return Manifest(tuple(rows), folder)


LEAKING = manifest(
    "1 bonafide ann train -",
    "2 print ann train -",
    "3 bonafide bob train -",
    "4 faceswap cleo train dora",
    "5 bonafide cleo test -",
    "6 replay ann test -",
    "7 bonafide dora test -",
    "8 bonafide eve dev -",
)


def test_counts():
    train, _, test = split_counts(LEAKING)
    assert (train.rows, train.subjects) == (4, 3)
    assert train.labels == {"attack": 2, "bonafide": 2}
    assert train.families == {"digital": 1, "physical": 1}
    assert test.species == {"bonafide": 2, "replay": 1}
    assert [one.split for one in split_counts(manifest("1 print ann - -"))] == ["no split"]


def test_a_planted_overlap_is_found():
    """By hand: ann is attacked in both; cleo attacked, then genuine; dora is only the other half of a swap."""
    assert identity_overlaps(LEAKING) == (
        Overlap(
            one="train", other="test", subjects=2, bonafide=0, attacks=1, bonafide_then_attack=1,
            attack_then_bonafide=1, people=3, examples=("ann", "cleo", "dora"),
        ),
    )  # fmt: skip


def test_notes_of_families_and_people():
    assert audit(LEAKING).notes == (
        "dev has no physical attacks: a threshold chosen on it says nothing about physical ones",
        "3 people are in both train and test, e.g. ann: faces may be recognised instead of attacks",
    )
    unseen = manifest("1 bonafide a train -", "2 print b train -", "3 faceswap c test -")
    assert audit(unseen).notes == (
        "train has no digital attacks: digital ones are unseen",
        "test has no bonafide rows: no error rate of them can be told",
    )
    alone = manifest("1 bonafide a dev -", "2 print b - -")
    assert audit(alone).notes == (
        "dev has no physical attacks: a threshold chosen on it says nothing about physical ones",
        "no split has no bonafide rows: no error rate of them can be told",
    )


def test_a_slice_with_planted_repeats(tmp_path):
    root = write_pictures(tmp_path / "data")
    (root / PHYSICAL["test"]).write_bytes((root / LIVE["train"]).read_bytes())
    (root / ADVERSARIAL["train"]).write_bytes(b"no picture")
    (root / ADVERSARIAL["dev"]).unlink()
    lists = write_lists(tmp_path / "lists")
    path = lists / "UniAttackData@p1_image_train.txt"
    path.write_text(path.read_text() + f"{LIVE['train']} 0\n")
    found = audit(
        uniattackdata(root, lists, Protocol.P1, allow_missing=True), has_contents=True, num_pictures=9
    )
    assert found.rows == 12
    assert (found.paths.rows, found.paths.across_splits, found.paths.examples) == (1, 0, (LIVE["train"],))
    assert (found.contents.rows, found.contents.across_splits, found.contents.across_labels) == (2, 1, 1)
    seen = {one.species: (one.pictures, one.unreadable, one.formats, one.sizes) for one in found.pictures}
    assert seen["bonafide"] == (3, 0, {"JPEG": 3}, {"64x48": 3})
    assert seen["adversarial"] == (2, 1, {"JPEG": 1}, {"112x112": 1})
    assert found.unreadable == 1
    assert found.notes[-3:] == (
        f"1 rows repeat a path, e.g. {LIVE['train']}: scoring wants each picture once",
        f"2 rows repeat another's bytes, 1 pictures across splits and 1 across labels, e.g. {LIVE['train']}",
        "no bonafide picture of the sample has a size of adversarial (112x112): "
        "size or sharpness alone may tell it",
    )
    assert json.loads(json.dumps(asdict(found)))["splits"][0]["split"] == "train"


def test_files_that_can_not_be_read_repeat_nothing(tmp_path):
    found = audit(manifest("a print ann dev -", "b print bob dev -", folder=tmp_path), has_contents=True)
    assert (found.contents.rows, found.unreadable) == (0, 2)
    rows = manifest("a print ann dev -", "a print ann test -", folder=tmp_path)
    assert (
        audit(rows, has_contents=True, num_pictures=5).unreadable == 1
    )  # one picture, however often it is met


def test_the_sample_is_no_larger_than_asked_and_the_same_again(tmp_path):
    many = manifest(*(f"{number}.jpg print ann dev -" for number in range(20)), folder=tmp_path)
    once, again = (audit(many, num_pictures=5).pictures for _ in range(2))
    assert once == again
    assert (once[0].pictures, once[0].unreadable) == (5, 5)


def test_protocols_need_no_torch():
    code = (
        "import sys; from bonaface.data.protocols import audit, challenge, folders, uniattackdata; "
        "assert not {'torch', 'scipy', 'pyarrow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)


def test_sizes_of_which_none_comes_again_are_no_sign():
    def pictures(species, family, sizes):
        return PictureFiles(species, family, sum(sizes.values()), 0, {"JPEG": sum(sizes.values())}, sizes)

    genuine = pictures("bonafide", "", {f"{n}x{n}": 1 for n in range(100, 110)})
    drawn = pictures("print", "physical", {f"{n}x{n}": 1 for n in range(200, 210)})
    fixed = pictures("replay", "physical", {"640x480": 10})
    (note,) = _size_notes([genuine, drawn, fixed])
    assert "a size of replay (640x480)" in note
