from __future__ import annotations

import pytest

from bonaface.data.protocols.challenge import challenge
from bonaface.data.protocols.coding import LabelCoding
from bonaface.data.protocols.uniattackdata import Protocol
from bonaface.errors import ManifestError
from bonaface.vocabulary import Split


def package(root, protocol, **lists):
    """Lists by split, as 'path label' lines; every listed picture is there."""
    for split, lines in lists.items():
        for line in lines:
            path = root / line.rpartition(" ")[0]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"a picture")
        (root / protocol / f"{split}_label.txt").write_text("\n".join(lines) + "\n")
    return root


def told(manifest):
    return [(row.path, str(row.split), str(row.label), row.species.name) for row in manifest.rows]


def refused(*words, **named):
    with pytest.raises(ManifestError) as e:
        challenge(*words, **named)
    return str(e.value)


@pytest.mark.parametrize(
    ("protocol", "seen", "unseen"), [("p2.1", "digital", "physical"), ("p2.2", "physical", "digital")]
)
def test_the_protocol_says_the_family_where_labels_do_not(tmp_path, protocol, seen, unseen):
    lists = {split: [f"{protocol}/{split}/1.jpg 0", f"{protocol}/{split}/2.jpg 1"] for split in Split}
    manifest = challenge(package(tmp_path, protocol, **lists), Protocol(protocol), splits=list(Split))
    assert told(manifest) == [
        (f"{protocol}/{split}/{number}.jpg", split, label, species)
        for split, family in (("train", seen), ("dev", seen), ("test", unseen))
        for number, label, species in ((1, "bonafide", "bonafide"), (2, "attack", f"unnamed_{family}"))
    ]
    assert len({row.subject for row in manifest.rows}) == 6


def test_detailed_labels_of_p1(tmp_path):
    lines = [f"p1/train/{code}.jpg {code}" for code in range(4)]
    root = package(tmp_path, "p1", train=lines)
    manifest = challenge(root, Protocol.P1, coding=LabelCoding.DETAILED, splits=[Split.TRAIN])
    assert [row.species.name for row in manifest.rows] == [
        "bonafide", "unnamed_physical", "adversarial", "unnamed_digital",
    ]  # fmt: skip
    assert [str(row.species.family or "") for row in manifest.rows] == ["", "physical", "digital", "digital"]


def test_a_family_that_nothing_tells_is_not_guessed(tmp_path):
    root = package(tmp_path, "p1", train=["p1/train/1.jpg 0", "p1/train/2.jpg 1"])
    assert refused(root, Protocol.P1) == (
        f"{root}/p1/train_label.txt line 2: the family of every attack must be known; p1 has both and the label says "
        "only attack; use lists in the coding 'detailed'"
    )


def test_a_family_that_the_protocol_has_not_is_refused(tmp_path):
    root = package(tmp_path, "p2.1", train=["p2.1/train/1.jpg 1"])
    assert refused(root, Protocol.P2_1, coding=LabelCoding.DETAILED) == (
        f"{root}/p2.1/train_label.txt line 1: attacks of p2.1 train must be digital; the label says physical; "
        "declare the list's own coding or protocol"
    )


def test_protocols_that_the_challenge_had_not(tmp_path):
    assert (
        refused(tmp_path, Protocol.P1_1)
        == "the challenge's protocol must be one of p1, p2.1, p2.2; got 'p1.1'"
    )


def test_missing_pictures(tmp_path):
    root = package(tmp_path, "p2.2", train=["p2.2/train/1.jpg 0", "p2.2/train/2.jpg 1"])
    (root / "p2.2/train/2.jpg").unlink()
    assert "1 of 2 are missing" in refused(root, Protocol.P2_2, splits=[Split.TRAIN])
    assert len(challenge(root, Protocol.P2_2, splits=[Split.TRAIN], allow_missing=True).rows) == 1
