import json

import pytest

from bonaface.errors import CheckpointError
from bonaface.training.events import append_event, forget_from, read_events


def test_lines_are_appended(tmp_path):
    assert read_events(tmp_path) == []
    append_event(tmp_path, "epoch", epoch=0, loss=0.5)
    append_event(tmp_path, "note", text="ä\nb")
    first, second = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(first) == {"event": "epoch", "time": json.loads(first)["time"], "epoch": 0, "loss": 0.5}
    assert json.loads(second)["text"] == "ä\nb"
    assert [event["event"] for event in read_events(tmp_path)] == ["epoch", "note"]


def test_epochs_that_will_be_done_again_are_forgotten(tmp_path):
    for epoch in range(4):
        append_event(tmp_path, "epoch", epoch=epoch, loss=1 / (epoch + 3))
    before = (tmp_path / "events.jsonl").read_text().splitlines()
    forget_from(tmp_path, 2)
    assert (tmp_path / "events.jsonl").read_text().splitlines() == before[:2]
    forget_from(tmp_path, 0)
    assert read_events(tmp_path) == []
    assert [file.name for file in tmp_path.iterdir()] == ["events.jsonl"]


def test_a_last_line_that_was_cut_is_passed_over(tmp_path):
    append_event(tmp_path, "epoch", epoch=0)
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"event": "epo')
    assert [event["epoch"] for event in read_events(tmp_path)] == [0]
    forget_from(tmp_path, 1)
    append_event(tmp_path, "epoch", epoch=1)
    assert [event["epoch"] for event in read_events(tmp_path)] == [0, 1]


@pytest.mark.parametrize("line", ["nonsense", "3", "[]", "\xff"])
def test_any_other_line_is_an_error(tmp_path, line):
    (tmp_path / "events.jsonl").write_text(f'{line}\n{{"event": "epoch"}}\n')
    with pytest.raises(
        CheckpointError, match=r"events\.jsonl must have a JSON object a line; line 1 is none"
    ):
        read_events(tmp_path)
