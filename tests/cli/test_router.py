from __future__ import annotations

import json

import pytest
import typer

from bonaface.cli import console
from bonaface.cli.router import router
from bonaface.errors import CheckpointError


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run of two epochs, whose second leaves the second router dead."""
    for one in (console.results, console.errors):
        monkeypatch.setattr(one, "width", 200)
    folder = tmp_path / "run-1"
    folder.mkdir()
    common = {
        "num_tokens": 101,
        "num_slots": 32,
        "tokens_per_slot": 60.0,
        "combine_nats": 0.3,
        "dispatch_nats": 0.4,
        "load": [0.6, 0.4],
        "species_load": {"bonafide": [0.7, 0.3], "print": [0.5, 0.5]},
    }

    def line(epoch, *findings):
        routers = [
            {"name": f"layers.{i}.mlp.experts", "slots_per_token": 24.0 + i, "findings": found, **common}
            for i, found in enumerate(([], list(findings)))
        ]
        return json.dumps({"event": "routers", "epoch": epoch, "routers": routers})

    (folder / "events.jsonl").write_text(line(0) + "\n" + line(1, "combine_alike") + "\n")
    return folder


def test_a_dead_router_is_said_and_drawn(run, capsys):
    with pytest.raises(typer.Exit) as end:
        router(run)
    assert end.value.exit_code == 1
    said = capsys.readouterr()
    assert "after epoch 2" in said.out
    rows = [line.split() for line in said.out.splitlines() if line.startswith("block")]
    assert rows[0] == [
        "block",
        "0",
        "24.0",
        "of",
        "32",
        "60.0",
        "of",
        "101",
        "60.00",
        "%",
        "20.00",
        "%",
        "alive",
    ]
    assert rows[1][-1] == "dead"
    assert said.out.splitlines()[-1] == f"wrote {run / 'router.html'}"
    assert said.err == "warning the router of block 1 is dead: all tokens read the slots alike\n"
    assert "Routers of <bdi>run-1</bdi>" in (run / "router.html").read_text()


def test_living_routers_end_well(run, capsys, tmp_path):
    first, _ = (run / "events.jsonl").read_text().splitlines()
    (run / "events.jsonl").write_text(first + "\n")
    router(run, tmp_path / "page.html")
    said = capsys.readouterr()
    assert said.err == ""
    assert (tmp_path / "page.html").is_file()
    assert not (run / "router.html").exists()


def test_a_folder_without_routers_is_refused(tmp_path):
    with pytest.raises(
        CheckpointError, match=r"must be a folder that 'bonaface train' wrote; it has no events\.jsonl"
    ):
        router(tmp_path / "nowhere")
    (tmp_path / "events.jsonl").write_text('{"event": "epoch"}\n')
    with pytest.raises(CheckpointError, match="a run must have recorded its routers"):
        router(tmp_path)


def test_it_needs_no_torch(run, without_torch):
    with pytest.raises(typer.Exit) as end:
        router(run)
    assert end.value.exit_code == 1
