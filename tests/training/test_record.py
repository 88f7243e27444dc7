import json
import platform
from dataclasses import replace

import numpy as np
import pytest
import torch

from bonaface import __version__
from bonaface.errors import CheckpointError
from bonaface.training.checkpoint import Progress
from bonaface.training.events import append_event
from bonaface.training.recipe import from_dict
from bonaface.training.record import begun, ended, read_record, versions, write_record

from .tiny import TINY, material

COMMAND = "bonaface train tiny --set epochs=3"
DEV = {"mean_auc": 0.9, "auc": 0.8, "species_auc": {"print": 0.9}}


def held():
    return replace(
        material(),
        left_out={"no_face": 2},
        sources={("b", "CC0-1.0", "print"): 3, ("a", "CC-BY-4.0", "bonafide"): 5},
    )


def test_at_the_start(tmp_path):
    write_record(tmp_path / "run", begun(TINY, held(), command=COMMAND))
    plain = json.loads((tmp_path / "run" / "run.json").read_text())
    assert from_dict(plain["recipe"]) == TINY
    assert plain["command"] == COMMAND
    assert plain["resumed_by"] == []
    assert plain["seed"] == 0
    assert plain["pictures"] == [
        {"source": "a", "licence": "CC-BY-4.0", "species": "bonafide", "count": 5},
        {"source": "b", "licence": "CC0-1.0", "species": "print", "count": 3},
    ]
    assert plain["left_out"] == {"no_face": 2}
    assert (plain["num_train"], plain["num_dev"]) == (8, 7)
    assert plain["started"].endswith("+00:00")
    assert plain["finished"] is None
    assert plain["best_epoch"] is None
    assert plain["dev"] is None
    assert plain["hardware"].keys() == {"cpu", "num_cores", "gpus"}
    assert plain["hardware"]["cpu"]
    assert plain["hardware"]["num_cores"] >= 1
    assert len(plain["hardware"]["gpus"]) == torch.cuda.device_count()
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]


def test_versions_of_everything_that_can_move_a_number():
    found = versions()
    assert list(found) == ["python", "bonaface", "torch", "transformers", "accelerate", "numpy", "opencv"]
    assert found["python"] == platform.python_version()
    assert found["bonaface"] == __version__
    assert found["torch"] == torch.__version__
    assert found["numpy"] == np.__version__


def test_at_the_end_the_figures_are_those_of_the_best_epoch(tmp_path):
    for epoch in range(3):
        append_event(tmp_path, "epoch", epoch=epoch, dev=DEV | {"auc": epoch / 10})
    record = begun(TINY, held(), command=COMMAND)
    done = ended(record, Progress(3, best_epoch=1, seconds=12.34), is_finished=True, out=tmp_path)
    assert done.best_epoch == 1
    assert done.dev == DEV | {"auc": 0.1}
    assert done.seconds == 12.3
    assert done.finished >= done.started


def test_a_stopped_run_is_not_finished(tmp_path):
    record = begun(TINY, held(), command=COMMAND)
    stopped = ended(record, Progress(0, step=2, seconds=1.0), is_finished=False, out=tmp_path)
    assert (stopped.finished, stopped.best_epoch, stopped.dev) == (None, None, None)
    assert stopped.seconds == 1.0


def test_a_resumed_run_keeps_its_beginning(tmp_path):
    first = replace(begun(TINY, held(), command=COMMAND), started="2020-01-01T00:00:00+00:00", seconds=5.0)
    write_record(tmp_path, replace(first, best_epoch=0, dev=DEV))
    again = begun(TINY, held(), command=COMMAND + " --resume", earlier=read_record(tmp_path))
    assert again.command == COMMAND
    assert again.resumed_by == (COMMAND + " --resume",)
    assert again.started == "2020-01-01T00:00:00+00:00"
    assert (again.seconds, again.best_epoch, again.dev) == (5.0, 0, DEV)
    thrice = begun(TINY, held(), command="x", earlier=again)
    assert thrice.resumed_by == (COMMAND + " --resume", "x")


def test_round_trip(tmp_path):
    assert read_record(tmp_path) is None
    record = begun(TINY, held(), command=COMMAND)
    write_record(tmp_path, record)
    assert read_record(tmp_path) == record


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", '{"recipe": 3}'])
def test_a_cut_record(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"run\.json is cut or altered"):
        read_record(tmp_path)
