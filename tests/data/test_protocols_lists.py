from __future__ import annotations

import pytest

from bonaface.data.protocols.coding import Kind, LabelCoding
from bonaface.data.protocols.lists import Listed, read_list
from bonaface.errors import ManifestError


def written(folder, text):
    path = folder / "list.txt"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(path, coding=LabelCoding.DETAILED):
    with pytest.raises(ManifestError) as e:
        read_list(path, coding)
    assert str(e.value).startswith(str(path))
    return str(e.value).removeprefix(str(path))


def test_lines_in_their_order(tmp_path):
    path = written(tmp_path, "a/b.jpg 0\r\n\r\na b/c.jpg 3\na\u2028/d.jpg 2")
    assert read_list(path, LabelCoding.DETAILED) == (
        Listed("a/b.jpg", Kind.LIVE, f"{path} line 1"),
        Listed("a b/c.jpg", Kind.DIGITAL, f"{path} line 3"),
        Listed("a\u2028/d.jpg", Kind.ADVERSARIAL, f"{path} line 4"),
    )


def test_a_byte_order_mark_is_no_part_of_a_path(tmp_path):
    assert read_list(written(tmp_path, "\ufeffa.jpg 0\n"), LabelCoding.LIVE_ONE)[0].path == "a.jpg"


@pytest.mark.parametrize("line", ["a.jpg", "a.jpg  1", "a.jpg\t1", " a.jpg 1", "a.jpg 1 ", " 1"])
def test_a_line_that_does_not_parse(tmp_path, line):
    path = written(tmp_path, f"a.jpg 0\n{line}\n")
    assert refused(path) == f" line 2 must be a path, one space and a label; got '{line}'; mend the line"


@pytest.mark.parametrize("place", ["/etc/passwd", "a/../../b.jpg", "a\\b.jpg"])
def test_a_path_that_leaves_the_folder(tmp_path, place):
    assert refused(written(tmp_path, f"{place} 1\n")) == (
        f" line 1 must name a path below the data's folder, with slashes; got '{place}'; mend the line"
    )


def test_an_unknown_label_names_its_line(tmp_path):
    assert refused(written(tmp_path, "a.jpg 0\na.jpg 7\n"), LabelCoding.ATTACK_ONE) == (
        " line 2: a label in the coding 'attack-one' must be 0 (live), 1 (attack); got '7'; "
        "declare the list's own coding"
    )


def test_files_that_are_no_lists(tmp_path):
    assert refused(tmp_path / "no.txt") == " must be a list of pictures; it does not exist; check the folder"
    assert (
        refused(written(tmp_path, "\n\n")) == " must list at least one picture; it is empty; fetch it again"
    )
    assert refused(written(tmp_path, b"\xff\xfe0")) == " must be text in UTF-8; it is not; save it again"
