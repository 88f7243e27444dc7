from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bonaface.data.manifest import Manifest, Row
from bonaface.data.simuad.pool import ATTACKS, PEOPLE, PICTURES, pooled
from bonaface.data.splits import split_of
from bonaface.errors import ManifestError, SimulationError
from bonaface.vocabulary import SPECIES, Split


def manifest(*rows: tuple[str, str, str, Split | None]) -> Manifest:
    """Rows of (path, species, subject, split)."""
    return Manifest(
        tuple(Row(path, SPECIES[word].label, SPECIES[word], who, split) for path, word, who, split in rows),
        Path(),
    )


def people(**counts: int) -> list[tuple[str, str, str, Split | None]]:
    return [
        (f"{split}{number}.png", "bonafide", f"{split}{number}", Split(split))
        for split, count in counts.items()
        for number in range(count)
    ]


def test_attacks_are_counted_and_left_out():
    pool = pooled(manifest(*people(train=2, dev=2, test=3), ("x.png", "diffusion", "x", None)))
    assert len(pool.manifest.rows) == 7
    assert pool.left_out == {ATTACKS: 1}


def test_people_are_split_by_hash_where_the_source_has_no_splits():
    names = [f"person {number}" for number in range(40)]
    pool = pooled(manifest(*((f"{name}.png", "bonafide", name, None) for name in names)))
    assert {row.subject: row.split for row in pool.manifest.rows} == {name: split_of(name) for name in names}
    assert pool.left_out == {}


def test_the_first_pictures_by_path_are_taken():
    rows = people(train=2, dev=2, test=2) + [
        (f"more/{number}.png", "bonafide", "dev1", Split.DEV) for number in (3, 1, 2)
    ]
    pool = pooled(manifest(*rows), pictures=2)
    assert [row.path for row in pool.manifest.rows if row.subject == "dev1"] == ["dev1.png", "more/1.png"]
    assert pool.left_out == {PICTURES: 2}
    assert len(pooled(manifest(*rows)).manifest.rows) == 6


@pytest.mark.parametrize("subjects", range(6, 40))
def test_no_more_people_than_asked_for_and_two_in_each_split(subjects):
    pool = pooled(manifest(*people(train=96, dev=2, test=2)), subjects=subjects)
    counts = Counter(row.split for row in pool.manifest.rows)
    assert sum(counts.values()) <= subjects
    assert min(counts.values()) == 2
    assert pool.left_out == {PEOPLE: 100 - sum(counts.values())}


def test_people_are_counted_by_heads_though_they_have_several_pictures():
    rows = people(train=4, dev=4, test=4)
    more = [(f"more/{path}", word, who, split) for path, word, who, split in rows]
    assert pooled(manifest(*rows, *more), pictures=2, subjects=6).left_out == {PEOPLE: 6}


def test_fewer_people_keep_the_proportion_of_the_splits():
    source = manifest(*people(train=60, dev=20, test=20))
    pool = pooled(source, subjects=20)
    assert Counter(row.split for row in pool.manifest.rows) == {Split.TRAIN: 12, Split.DEV: 4, Split.TEST: 4}
    assert pool.left_out == {PEOPLE: 80}
    turned = Manifest(source.rows[::-1], source.folder)
    chosen = {row.subject for row in pooled(turned, subjects=20).manifest.rows}
    assert chosen == {row.subject for row in pool.manifest.rows}
    assert chosen < {row.subject for row in pooled(source, subjects=50).manifest.rows}
    few = pooled(source, subjects=6).manifest.rows
    assert min(Counter(row.split for row in few).values()) >= 2
    assert len(pooled(source, subjects=1000).manifest.rows) == 100


def test_too_few_people():
    with pytest.raises(SimulationError) as e:
        pooled(manifest(*people(train=5, dev=1)))
    assert str(e.value) == (
        "a benchmark must have two people or more in each of train, dev, test; got 5 in train, 1 in dev, 0 in test; "
        "give pictures of more people, or fill the column 'split'"
    )
    with pytest.raises(SimulationError) as e:
        pooled(manifest(*people(train=5, dev=5, test=5)), subjects=5)
    assert str(e.value) == "at least 6 people must be asked for, two a split; got 5"


def test_no_bona_fide_row():
    with pytest.raises(ManifestError) as e:
        pooled(manifest(("x.png", "diffusion", "x", None)))
    assert str(e.value) == (
        "the faces of a benchmark must have bonafide rows; it has none among 1; add bona fide pictures"
    )
