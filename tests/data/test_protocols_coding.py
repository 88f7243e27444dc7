from __future__ import annotations

import pytest

from bonaface.data.protocols.coding import CODES, Kind, LabelCoding, coding_named, kind_of
from bonaface.errors import ManifestError

MEANINGS = """
detailed 0 live
detailed 1 physical
detailed 2 adversarial
detailed 3 digital
attack-one 0 live
attack-one 1 attack
live-one 1 live
live-one 0 attack
"""


def test_every_code_of_every_coding():
    found = [f"{coding} {code} {kind}" for coding, codes in CODES.items() for code, kind in codes.items()]
    assert found == MEANINGS.split("\n")[1:-1]
    assert set(CODES) == set(LabelCoding)
    for line in found:
        coding, code, kind = line.split()
        assert kind_of(code, coding_named(coding)) is Kind(kind)


@pytest.mark.parametrize(
    ("code", "coding", "known"),
    [
        ("4", "detailed", "0 (live), 1 (physical), 2 (adversarial), 3 (digital)"),
        ("2", "attack-one", "0 (live), 1 (attack)"),
        ("-1", "live-one", "1 (live), 0 (attack)"),
        ("01", "live-one", "1 (live), 0 (attack)"),
        ("1.0", "live-one", "1 (live), 0 (attack)"),
    ],
)
def test_an_unknown_code_is_refused(code, coding, known):
    with pytest.raises(ManifestError) as e:
        kind_of(code, LabelCoding(coding))
    assert str(e.value) == (
        f"a label in the coding '{coding}' must be {known}; got '{code}'; declare the list's own coding"
    )


def test_an_unknown_coding_is_refused():
    with pytest.raises(ManifestError) as e:
        coding_named("live_one")
    assert str(e.value) == (
        "the coding of labels must be one of detailed, attack-one, live-one; got 'live_one'; "
        "did you mean 'live-one'?"
    )


def test_attack_agrees_with_every_attack_and_with_nothing_else():
    attacks = {Kind.PHYSICAL, Kind.ADVERSARIAL, Kind.DIGITAL}
    for one in Kind:
        for other in Kind:
            expected = one == other or {one, other} in [{Kind.ATTACK, attack} for attack in attacks]
            assert one.agrees(other) == expected, (one, other)
