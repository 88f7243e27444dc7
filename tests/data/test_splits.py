from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from bonaface.data.manifest import Manifest, Row
from bonaface.data.splits import assigned, check_leaks, leaks, split_of
from bonaface.errors import ManifestError
from bonaface.vocabulary import BONAFIDE, Label, Split


def manifest(*subjects: str, splits: tuple[Split | None, ...] = ()) -> Manifest:
    filled = splits or (None,) * len(subjects)
    return Manifest(
        tuple(
            Row(f"{number}.jpg", Label.BONAFIDE, BONAFIDE, subject, split)
            for number, (subject, split) in enumerate(zip(subjects, filled, strict=True))
        ),
        Path(),
    )


@pytest.mark.parametrize(
    ("subject", "split", "with_other_salt"),
    [  # printf 'bonaface\0alice' | sha256sum: 94f3c8ef... / 2^32 = 0.58, in [0, 0.6)
        ("A000014", "train", "train"),  # 0.29
        ("alice", "train", "dev"),  # 0.58; 'other\0alice': 0.75
        ("bob", "dev", "train"),  # 0.77; 0.13
        ("name with, comma", "train", "test"),  # 0.56; 0.91
        ("Zoë", "train", "dev"),  # 0.13; 0.74, of the UTF-8 bytes
        ("0", "train", "train"),
    ],
)
def test_a_subject_keeps_its_split_for_ever(subject, split, with_other_salt):
    assert split_of(subject) == split
    assert split_of(subject, salt="other") == with_other_salt


def test_shares_are_kept():
    counts = Counter(split_of(f"subject {number}") for number in range(5000))
    assert counts[Split.TRAIN] / 5000 == pytest.approx(0.6, abs=0.02)
    assert counts[Split.DEV] / 5000 == pytest.approx(0.2, abs=0.02)
    assert counts[Split.TEST] / 5000 == pytest.approx(0.2, abs=0.02)


def test_other_shares():
    shares = {Split.TRAIN: 0.9, Split.DEV: 0.1}
    counts = Counter(split_of(f"subject {number}", shares=shares) for number in range(5000))
    assert set(counts) == {Split.TRAIN, Split.DEV}
    assert counts[Split.DEV] / 5000 == pytest.approx(0.1, abs=0.02)


def test_what_the_shares_leave_is_for_testing():
    assert split_of("anyone", shares={Split.TRAIN: 0.0}) is Split.TEST


def test_growing_a_share_moves_nobody_out_of_it():
    small, large = {Split.TRAIN: 0.5, Split.TEST: 0.5}, {Split.TRAIN: 0.6, Split.TEST: 0.4}
    for number in range(500):
        if split_of(str(number), shares=small) is Split.TRAIN:
            assert split_of(str(number), shares=large) is Split.TRAIN


def test_rows_without_a_split_get_their_subjects():
    filled = assigned(manifest("alice", "bob", "alice"))
    assert [row.split for row in filled.rows] == [Split.TRAIN, Split.DEV, Split.TRAIN]
    assert [row.path for row in filled.rows] == ["0.jpg", "1.jpg", "2.jpg"]
    other = assigned(manifest("alice", "bob"), salt="other")
    assert [row.split for row in other.rows] == [Split.DEV, Split.TRAIN]


def test_a_full_split_column_is_kept_as_written():
    written = manifest("alice", "bob", splits=(Split.TEST, Split.TRAIN))
    assert assigned(written) == written


def test_a_split_column_filled_in_part_is_refused():
    with pytest.raises(ManifestError) as e:
        assigned(manifest("a", "b", "c", splits=(Split.TRAIN, None, None)))
    assert str(e.value) == "all rows must have a split, or none; 1 of 3 have one; fill the column"


def test_a_planted_leak_is_caught():
    leaky = manifest(
        "a", "b", "a", "c", "c", splits=(Split.TRAIN, Split.DEV, Split.TEST, Split.DEV, Split.TRAIN)
    )
    assert leaks(leaky) == {"a": {Split.TRAIN, Split.TEST}, "c": {Split.TRAIN, Split.DEV}}
    for check in (assigned, check_leaks):
        with pytest.raises(ManifestError) as e:
            check(leaky)
        assert str(e.value) == (
            "every subject must be in one split; 2 are in several, "
            "e.g. 'a' in test and train; move all its rows to one"
        )


def test_no_leak_where_rows_have_no_split():
    unsplit = manifest("a", "a")
    assert leaks(unsplit) == {}
    check_leaks(unsplit)


def test_an_empty_manifest_has_nothing_to_assign():
    assert assigned(manifest()).rows == ()
