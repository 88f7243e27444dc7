from __future__ import annotations

import pytest

from bonaface.data.simuad.sums import changed, digests, read_sums, write_sums
from bonaface.errors import SimulationError


def test_whatever_a_name_holds_but_a_new_line(tmp_path):
    names = ["a\u2028b.jpg", "c\u0085.jpg", "d  e.jpg"]
    for name in names:
        (tmp_path / name).write_text(name)
    write_sums(tmp_path, digests(tmp_path, names))
    assert changed(tmp_path, read_sums(tmp_path)) == []
    (tmp_path / names[0]).write_text("other")
    assert changed(tmp_path, read_sums(tmp_path)) == names[:1]


def test_what_can_not_be_read_has_no_sum_and_equals_nothing(tmp_path):
    lost = digests(tmp_path, ["gone.jpg"])
    assert changed(tmp_path, lost) == ["gone.jpg"]
    with pytest.raises(SimulationError, match=r"; 1 can not be read, e\.g\. gone\.jpg; "):
        write_sums(tmp_path, lost)
    assert not list(tmp_path.iterdir())
