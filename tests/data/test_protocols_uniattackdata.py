from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bonaface.data.manifest import Manifest, read_manifest, write_manifest
from bonaface.data.protocols.audit import identity_overlaps, repeats, split_counts
from bonaface.data.protocols.coding import LabelCoding
from bonaface.data.protocols.presence import present, rebased
from bonaface.data.protocols.uniattackdata import (
    CODING,
    PUBLISHED,
    UNSEEN,
    Protocol,
    counts,
    departures,
    listed,
    protocol_named,
    uniattackdata,
)
from bonaface.data.protocols.uniattackdata_path import INSTRUMENTS, place_of
from bonaface.errors import ManifestError
from bonaface.vocabulary import Split
from uniattackdata_slice import ADVERSARIAL, DATA, DIGITAL, LIVE, PHYSICAL, write_lists, write_pictures

SHARED = Path(__file__).parents[3] / "shared/protocols/uniattackdata"

READ_ME = """
p1    train 3000 1800 1800 1800
p1    dev   1500 900 1800 1800
p1    test  4500 2700 7106 7200
p1.1  train 3000 1800 1200 0
p1.1  dev   1500 900 300 0
p1.1  test  4500 2700 2606 5425
p1.2  train 3000 1800 0 1198
p1.2  dev   1500 900 0 300
p1.2  test  4500 2700 5306 2725
p1.3  train 3000 1800 600 600
p1.3  dev   1500 900 300 300
p1.3  test  4500 2700 3506 3625
p2.1  train 3000 0 9000 9000
p2.1  dev   1500 0 1706 1800
p2.1  test  4500 5400 0 0
p2.2  train 3000 2700 0 0
p2.2  dev   1500 2700 0 0
p2.2  test  4500 0 10706 10800
"""
TOTALS = [  # the read-me prints 15235 for P1.2 test, where its own row adds up to 15231
    *(8400, 6000, 21506, 6000, 2700, 15231, 5998, 2700, 15231),
    *(6000, 3000, 14331, 21000, 5006, 9900, 5700, 4200, 26006),
]


def refused(call, *words, **named):
    with pytest.raises(ManifestError) as e:
        call(*words, **named)
    return str(e.value)


def test_the_table_is_the_read_mes():
    lines = [line.split() for line in READ_ME.strip().splitlines()]
    assert [(p, s, *map(int, n)) for p, s, *n in lines] == [
        (protocol, split, *row) for protocol, rows in PUBLISHED.items() for split, row in rows.items()
    ]
    assert [sum(map(int, numbers)) for _, _, *numbers in lines] == TOTALS


@pytest.mark.parametrize(
    ("path", "kind", "species", "instrument", "subject", "partner", "ethnicity"),
    [
        (LIVE["train"], "live", "bonafide", "", "AF-001", "", "africa"),
        (PHYSICAL["train"], "physical", "print", "cloth-indoor", "EA-003", "", "east-asia"),
        (PHYSICAL["dev"], "physical", "print", "cloth-outdoor", "AF-001", "", "africa"),
        (PHYSICAL["test"], "physical", "replay", "screen-rs", "CA-002", "", "central-asia"),
        (ADVERSARIAL["train"], "adversarial", "adversarial", "ila_da", "AF-001", "", "africa"),
        (ADVERSARIAL["test"], "adversarial", "adversarial", "fgtm", "EA-003", "", "east-asia"),
        (DIGITAL["train"], "digital", "reenactment", "DaGAN", "CA-002", "AF-549", "central-asia"),
        (DIGITAL["dev"], "digital", "faceswap", "FaceDancer", "AF-001", "EA-130", "africa"),
        (DIGITAL["test"], "digital", "reenactment", "OneShotTH", "EA-003", "", "east-asia"),
        (f"{DATA}/InsightFace/central-asia/CA-573-To-EA-327/real.rssdk/color/0012.jpg",
         "digital", "faceswap", "InsightFace", "CA-573", "EA-327", "central-asia"),
        (f"{DATA}/simswap/africa/AF-067-To-CA-048/14.jpg",
         "digital", "faceswap", "simswap", "AF-067", "CA-048", "africa"),
        ("Data/SAFA/africa/AF-067-To-CA-048/14.jpg",
         "digital", "reenactment", "SAFA", "AF-067", "CA-048", "africa"),
    ],
)  # fmt: skip
def test_what_a_path_says(path, kind, species, instrument, subject, partner, ethnicity):
    place = place_of(path)
    assert (place.kind, place.species.name) == (kind, species)
    assert (place.instrument, place.subject, place.partner) == (instrument, subject, partner)
    assert place.ethnicity == ethnicity


@pytest.mark.parametrize(
    "path",
    [
        "photos/a.jpg",
        f"{DATA}/live/africa/AF-1/real.rssdk/color/0012.jpg",
        f"{DATA}/live/europe/EU-001/real.rssdk/color/0012.jpg",
        f"{DATA}/spoof/africa/AF-001/mask/color/0012.jpg",
        f"{DATA}/adv-attacks/alma/fgtm_africa-112x112/AF-001/0012.jpg",
        f"{DATA}/live/africa/AF-001/real.rssdk/color",
    ],
)
def test_other_paths_are_refused(path):
    assert refused(place_of, path) == (
        "a path must be one of UniAttackData's, e.g. UniAttackData/Data/live/africa/AF-001/real.rssdk/color/0012.jpg; "
        f"got '{path}'; use the adapter for folders for other data"
    )


def test_a_picture_in_a_strangers_folder_is_refused():
    path = f"{DATA}/FaceDancer/africa/AF-001-To-EA-130/real.rssdk/color/0122.jpg"
    assert refused(place_of, path) == (
        f"a picture must lie in the folder of its subject's ethnicity; EA-130 is in africa in '{path}'; mend the path"
    )


def test_a_slice_becomes_rows_that_a_manifest_keeps(tmp_path):
    root = write_pictures(tmp_path / "data")
    manifest = uniattackdata(root, write_lists(tmp_path / "lists"), Protocol.P1)
    assert counts(manifest) == dict.fromkeys(Split, (1, 1, 1, 1))
    dev = [row for row in manifest.rows if row.split is Split.DEV]
    assert [(str(row.label), row.species.name, row.subject) for row in dev] == [
        ("bonafide", "bonafide", "CA-002"),
        ("attack", "print", "AF-001"),
        ("attack", "adversarial", "CA-002"),
        ("attack", "faceswap", "AF-001"),
    ]
    assert dev[3].groups == {
        "instrument": "FaceDancer", "partner": "EA-130", "ethnicity": "africa", "protocol": "p1",
    }  # fmt: skip
    for file in (tmp_path / "p1.csv", root / "p1.csv", root / "deep/er/p1.csv"):
        write_manifest(file, rebased(manifest, file.parent).rows)
        again = read_manifest(file)
        assert [row.subject for row in again.rows] == [row.subject for row in manifest.rows]
        assert all(again.picture_path(row).is_file() for row in again.rows)
    assert read_manifest(root / "p1.csv").rows == manifest.rows
    assert read_manifest(tmp_path / "p1.csv").rows[0].path == f"data/{LIVE['train']}"
    assert read_manifest(root / "deep/er/p1.csv").rows[0].path == str(root / LIVE["train"])


@pytest.mark.parametrize("protocol", Protocol)
def test_a_list_read_in_a_wrong_coding_is_refused(tmp_path, protocol):
    codes = {"detailed": "0123", "attack-one": "0111", "live-one": "1000"}
    own = CODING[protocol]
    lists = write_lists(tmp_path, protocol, codes=codes[own])
    assert len(listed(tmp_path, lists, protocol).rows) == 12
    wrong = LabelCoding.LIVE_ONE
    for path in lists.iterdir():  # the codes 0 and 1 are in every coding
        path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert refused(listed, tmp_path, lists, protocol, coding=wrong) == (
        f"{tmp_path}/UniAttackData@{protocol}_image_train.txt line 1: label and folder must agree; the label says "
        "attack and the folder live; declare the list's own coding"
    )
    write_lists(tmp_path, protocol, codes=codes[wrong])
    assert len(listed(tmp_path, lists, protocol, coding=wrong).rows) == 12


def test_a_strange_path_names_its_line(tmp_path):
    lists = write_lists(tmp_path)
    path = lists / "UniAttackData@p1_image_dev.txt"
    path.write_text(path.read_text() + "elsewhere/a.jpg 0\n")
    assert refused(listed, tmp_path, lists, Protocol.P1).startswith(
        f"{path} line 5: a path must be one of Uni"
    )


def test_an_unknown_protocol():
    assert refused(protocol_named, "p1.4") == (
        "the protocol must be one of p1, p1.1, p1.2, p1.3, p2.1, p2.2; got 'p1.4'; did you mean 'p1.3'?"
    )


def test_missing_pictures_are_counted_and_the_first_ten_named(tmp_path):
    root, lists = write_pictures(tmp_path / "data"), write_lists(tmp_path / "lists")
    manifest = listed(root, lists, Protocol.P1)
    for row in manifest.rows[1:]:
        (root / row.path).unlink()
    gone = ", ".join(str(root / row.path) for row in manifest.rows[1:11])
    assert refused(uniattackdata, root, lists, Protocol.P1) == (
        f"every picture of the lists must be there; 11 of 12 are missing: {gone} ...; "
        "add them, or allow missing pictures"
    )
    found = present(manifest, allow_missing=True)
    assert found.manifest.rows == manifest.rows[:1]
    assert found.missing == tuple(root / row.path for row in manifest.rows[1:])
    assert uniattackdata(root, lists, Protocol.P1, allow_missing=True).rows == manifest.rows[:1]
    (root / manifest.rows[0].path).unlink()
    assert refused(uniattackdata, root, lists, Protocol.P1, allow_missing=True).endswith(
        " ...; check the folder"
    )


def test_departures_from_the_published_counts_are_told(tmp_path):
    manifest = listed(tmp_path, write_lists(tmp_path), Protocol.P1)
    assert departures(manifest, Protocol.P1)[1] == (
        "dev has 1 live, 1 physical, 1 adversarial, 1 digital; "
        "published are 1500 live, 900 physical, 1800 adversarial, 1800 digital"
    )


def test_a_repeated_line_is_a_row_unless_each_picture_is_wanted_once(tmp_path):
    lists = write_lists(tmp_path)
    path = lists / "UniAttackData@p1_image_train.txt"
    path.write_text(path.read_text() + f"{LIVE['train']} 0\n")
    assert len(listed(tmp_path, lists, Protocol.P1).rows) == 13
    assert len(listed(tmp_path, lists, Protocol.P1, is_once=True).rows) == 12


# What follows needs the official lists beside the checkout.

OFFICIAL = (Protocol.P1, Protocol.P2_1, Protocol.P2_2)


@pytest.fixture(scope="module")
def official():
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there")
    return {protocol: listed(SHARED, SHARED, protocol) for protocol in OFFICIAL}


@pytest.mark.shared
@pytest.mark.parametrize("protocol", OFFICIAL)
def test_published_counts(official, protocol):
    manifest = official[protocol]
    assert departures(manifest, protocol) == []
    splits = Counter(row.split for row in manifest.rows)
    start = 3 * list(Protocol).index(protocol)
    assert [splits[split] for split in Split] == TOTALS[start : start + 3]
    adversarial = Counter(row.split for row in manifest.rows if "/adv-attacks/" in row.path)
    physical = Counter(row.split for row in manifest.rows if "/spoof/" in row.path)
    for split, (_, spoof, perturbed, _) in PUBLISHED[protocol].items():
        assert (physical[split], adversarial[split]) == (spoof, perturbed)


@pytest.mark.shared
def test_the_unseen_family_is_in_the_test_split_alone(official):
    assert UNSEEN == {Protocol.P2_1: "physical", Protocol.P2_2: "digital"}
    for protocol, unseen in UNSEEN.items():
        families = {one.split: set(one.families) for one in split_counts(official[protocol])}
        seen = {"physical", "digital"} - {unseen}
        assert families == {"train": seen, "dev": seen, "test": {unseen}}


@pytest.mark.shared
def test_no_attack_of_p1_is_in_two_splits(official):
    instruments = {split: set() for split in Split}
    for row in official[Protocol.P1].rows:
        instruments[row.split].add(row.groups["instrument"])
    assert instruments == {
        Split.TRAIN: {"", "cloth-indoor", "ila_da", "DaGAN"},
        Split.DEV: {"", "cloth-outdoor", "alma", "FaceDancer"},
        Split.TEST: {"", "screen-rs", "advdrop", "demiguise", "fgtm", "ssah",
                     "InsightFace", "OneShotTH", "SAFA", "simswap"},
    }  # fmt: skip


@pytest.mark.shared
def test_videos_of_each_attack(official):
    """Of the digital attacks a line is a video; of the physical ones P2 has a frame a video."""
    rows = official[Protocol.P2_1].rows
    found = Counter(row.groups["instrument"] for row in rows if not row.is_bonafide)
    assert found == dict.fromkeys(INSTRUMENTS, 1800) | {"advdrop": 1706}
    live = Counter(row.subject for row in rows if row.is_bonafide)
    assert (len(live), set(live.values())) == (1800, {5})


@pytest.mark.shared
@pytest.mark.parametrize("protocol", OFFICIAL)
def test_live_people_are_apart_and_even(official, protocol):
    live = official[protocol].where(lambda row: row.is_bonafide)
    assert identity_overlaps(live) == ()
    assert [one.subjects for one in split_counts(live)] == [600, 300, 900]
    people = {(row.split, row.groups["ethnicity"], row.subject) for row in live.rows}
    assert Counter(split for split, *_ in people) == {"train": 600, "dev": 300, "test": 900}
    assert set(Counter(person[:2] for person in people).values()) == {100, 200, 300}


def first_named(manifest):
    """The subject as the first XX-NNN of the path, whoever's video it is."""

    def row_of(row):
        is_last = row.groups["instrument"] == "FaceDancer"
        return replace(row, subject=row.groups["partner"] if is_last else row.subject)

    return Manifest(tuple(map(row_of, manifest.rows)), manifest.folder)


def shared(manifest):
    return {(one.one, one.other): one for one in identity_overlaps(manifest)}


@pytest.mark.shared
def test_attacked_people_are_not_apart(official):
    train_test = ("train", "test")
    everyone = shared(official[Protocol.P1])
    assert {one.subjects for one in everyone.values()} == {1800}
    assert len(everyone) == 3
    assert everyone[train_test].attack_then_bonafide == 900
    p21 = official[Protocol.P2_1]
    assert shared(first_named(p21))[train_test].subjects == 1797
    assert shared(p21)[train_test].subjects == 1796
    assert shared(p21)[train_test].people == 1799
    p22 = shared(official[Protocol.P2_2])
    assert p22[train_test].attacks == 900
    assert p22["train", "dev"].attacks == p22["train", "dev"].bonafide == 0


@pytest.mark.shared
@pytest.mark.parametrize("protocol", OFFICIAL)
def test_no_path_is_in_two_splits_but_seven_are_twice_in_one(official, protocol):
    manifest = official[protocol]
    found = repeats(manifest.rows, [row.path for row in manifest.rows])
    assert (found.rows, found.across_splits, found.across_labels) == (7, 0, 0)
    assert all("/InsightFace/" in path for path in found.examples)
    once = listed(SHARED, SHARED, protocol, is_once=True)
    assert len(once.rows) == len({row.path for row in manifest.rows}) == 35899


@pytest.mark.shared
def test_the_attacked_person_is_the_one_whose_video_has_the_frame(official):
    """Frames of swaps keep their numbers: they are among the live frames of the subject, seldom of the partner."""
    frames = {}
    rows = official[Protocol.P2_1].rows
    for row in rows:
        if row.is_bonafide:
            frames.setdefault(row.subject, set()).add(Path(row.path).name)
    for instrument, least in (("FaceDancer", 1200), ("InsightFace", 1795)):
        swaps = [row for row in rows if row.groups["instrument"] == instrument]
        of_subject = sum(Path(row.path).name in frames[row.subject] for row in swaps)
        of_partner = sum(Path(row.path).name in frames[row.groups["partner"]] for row in swaps)
        assert of_subject >= least > 1.4 * of_partner
