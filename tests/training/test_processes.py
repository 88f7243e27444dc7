"""Runs in processes of their own: what `torchrun` starts, and what a signal to a whole group stops."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bonaface.training.checkpoint import load_checkpoint
from bonaface.training.events import read_events

ROOT = Path(__file__).parents[2]
PYTHONPATH = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
ENVIRONMENT = os.environ | {"PYTHONPATH": PYTHONPATH, "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.slow

TOGETHER = """
import os, signal, sys
from pathlib import Path
import torch
from dataclasses import replace
from bonaface.training import detection, loop
from tests.training.tiny import TINY, material, tiny

how = replace(TINY.optimisation, class_regularisation=0.1)  # its centres are of both processes, and resumed in both
recipe = tiny(epochs=2, samples_per_epoch=24, optimisation=how)
out, rank = Path(sys.argv[1]), int(os.environ["RANK"])

def leave(run, bar, figures):
    held = {"model": run.bare.state_dict(), "average": run.average.state_dict(), "auc": figures.mean_auc}
    torch.save(held, out / f"rank{rank}.pt")

loop._Run.tell = leave
real, steps = detection.evidence_loss, []

def evidence_loss(*args, **settings):
    steps.append(1)
    if rank == 1 and len(steps) == 2 + 6:
        os.kill(os.getpid(), signal.SIGTERM)  # one process is asked, all must stop
    return real(*args, **settings)

detection.evidence_loss = evidence_loss
assert loop.train(recipe, material(), out / "straight").is_finished
stopped = loop.train(recipe, material(), out / "stopped")
assert not stopped.is_finished and stopped.progress.step == 2, stopped
assert stopped.is_main == (rank == 0)  # one of them tells how it ended
assert loop.train(recipe, material(), out / "stopped", is_resumed=True).is_finished
"""


def held_by_two(text, folder):
    """What each of two processes that run this script leaves in the folder."""
    script = folder / "together.py"
    script.write_text(text)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    done = subprocess.run(  # noqa: PLW1510
        [*torchrun, str(script), str(folder)], env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]


def test_two_processes_agree_stop_together_and_resume_exactly(tmp_path):
    first, second = held_by_two(TOGETHER, tmp_path)
    assert first["auc"] == second["auc"]
    trained = [name for name in first["model"] if "running_" not in name]  # each has seen samples of its own
    assert all(torch.equal(first["model"][name], second["model"][name]) for name in trained)
    assert all(torch.equal(first["average"][name], second["average"][name]) for name in first["average"])

    straight, stopped = (load_checkpoint(tmp_path / name / "last") for name in ("straight", "stopped"))
    assert straight.progress.num_processes == 2
    assert straight.progress == stopped.progress
    assert all(torch.equal(straight.weights[name], stopped.weights[name]) for name in straight.weights)
    for name in ("straight", "stopped"):
        assert [event.get("epoch") for event in read_events(tmp_path / name)] == [None, 0, 0, 1, 1]


LEANING = """
import os, sys
from dataclasses import replace
from pathlib import Path
import torch
from bonaface.training import loop
from tests.training.tiny import TINY, material, tiny

out, rank = Path(sys.argv[1]), int(os.environ["RANK"])
real, own = loop.leaning_back, []

def leaning_back(*args, **settings):
    mixed = real(*args, **settings)
    own.append({name: value.clone() for name, value in mixed.state_dict().items()})
    return mixed

def leave(run, bar, figures):
    torch.save({"own": own[-1], "kept": run.kept.state_dict()}, out / f"rank{rank}.pt")

def keeping(run, kept, figures):
    run.kept = kept

loop.leaning_back, loop._Run.tell, loop._Run.keep_if_best = leaning_back, leave, keeping
recipe = tiny(epochs=1, samples_per_epoch=24, optimisation=replace(TINY.optimisation, start_share=0.25))
start = loop.task_of(recipe, material(), None, None).model.state_dict()
assert loop.train(recipe, material(), out / "run", start=start).is_finished
"""


def test_statistics_that_two_processes_take_anew_are_of_what_both_were_shown(tmp_path):
    first, second = held_by_two(LEANING, tmp_path)
    statistics = [name for name in first["kept"] if name.endswith(("running_mean", "running_var"))]
    assert statistics
    for name in statistics:
        assert not torch.equal(first["own"][name], second["own"][name])
        torch.testing.assert_close(first["kept"][name], (first["own"][name] + second["own"][name]) / 2)
    assert all(torch.equal(first["kept"][name], second["kept"][name]) for name in first["kept"])


CENTRES = """
import os, sys
from pathlib import Path
import torch
from torch import distributed
from bonaface.models.class_regularisation import ClassRegularisation

def gradient(embedding, label):
    embedding = embedding.clone().requires_grad_()
    module = ClassRegularisation(4, margin=2.0)
    centres, is_known = module._moved(embedding, torch.nn.functional.one_hot(label, 2).float())
    module._between(centres, is_known).backward()
    return embedding.grad

torch.manual_seed(0)
embedding, label = torch.nn.functional.normalize(torch.randn(8, 4), dim=1), torch.tensor([0, 1, 1, 0, 0, 0, 1, 1])
alone = gradient(embedding, label)
distributed.init_process_group("gloo")
rank = int(os.environ["RANK"])
own = slice(4 * rank, 4 * rank + 4)
total = torch.zeros_like(embedding)
total[own] = gradient(embedding[own], label[own])
distributed.all_reduce(total)
torch.save({"alone": alone, "mean": total / 2}, Path(sys.argv[1]) / f"rank{rank}.pt")
distributed.destroy_process_group()
"""


def test_the_mean_of_two_processes_gradients_is_one_process_gradient(tmp_path):
    """As for a parameter that both share: what it gets is the mean over the processes."""
    for found in held_by_two(CENTRES, tmp_path):
        assert found["alone"].abs().max() > 0.01
        torch.testing.assert_close(found["mean"], found["alone"])


ENDLESS = """
import sys
from pathlib import Path
from bonaface.training import detection, loop
from tests.training.tiny import material, tiny

real = detection.evidence_loss

def evidence_loss(*args, **settings):
    print("step", flush=True)
    return real(*args, **settings)

detection.evidence_loss = evidence_loss
result = loop.train(tiny(epochs=10_000, samples_per_epoch=400, num_workers=2), material(), Path(sys.argv[1]))
print("stopped" if not result.is_finished else "finished", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_whole_group_saves_before_it_ends(tmp_path, number):
    script = tmp_path / "endless.py"
    script.write_text(ENDLESS)
    process = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "run")],
        env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        for line in process.stdout:
            if line.startswith("step"):
                os.killpg(process.pid, number)
                break
        said, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, complaint[-3000:]
    assert said.splitlines()[-1] == "stopped"
    assert load_checkpoint(tmp_path / "run" / "last").progress.step > 0
