"""The training loop, in order and in plain sight: step, log, judge, keep, save."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, set_seed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from bonaface.errors import CheckpointError, RecipeError
from bonaface.models.anchors import limit_scales
from bonaface.models.architecture import structure_of
from bonaface.models.carried_over import carried_over
from bonaface.models.detector import Detector
from bonaface.models.pixels import normalise
from bonaface.training import checkpoint
from bonaface.training.average import averaged, leaning_back
from bonaface.training.checkpoint import BEST, LAST
from bonaface.training.detection import Detection
from bonaface.training.distillation import Distillation, Teachers, crop_for, teachers_of
from bonaface.training.events import append_event, forget_from
from bonaface.training.feeding import dev_of, loader_of, samples_of
from bonaface.training.hidden_cells import HiddenCells
from bonaface.training.material import Material
from bonaface.training.memory import recompute_activations
from bonaface.training.recipe import Recipe, from_dict, to_dict
from bonaface.training.router_record import write_routers
from bonaface.training.schedule import batches_of_step, last_rate, optimiser, schedule
from bonaface.training.start import check_start
from bonaface.training.stopping import stop_requests
from bonaface.training.task import Figures, Learning, Task
from bonaface.training.trainable import let_learn

BATCHES_OF_STATISTICS = 50
"""Of each process, for the statistics of norms where weights are mixed after they were learned."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a run ended.

    Attributes:
        progress: Where it stands.
        is_finished: False when it was asked to stop before its last epoch; `last` then resumes exactly.
        seconds: Spent in this process.
        is_main: Whether this is the one of `torchrun`'s processes that writes and speaks.
        is_asked_to_stop: Whether the process was asked to, in time or after the last step.
    """

    progress: checkpoint.Progress
    is_finished: bool
    seconds: float
    is_main: bool = True
    is_asked_to_stop: bool = False


def train(
    recipe: Recipe,
    material: Material,
    out: Path,
    *,
    is_resumed: bool = False,
    start: Mapping[str, torch.Tensor] | None = None,
) -> Result:
    """Run the recipe; `out` gets checkpoints `last` and `best`, and a line an epoch in `events.jsonl`.

    Runs on one CPU, on one GPU, or on many under `torchrun`, as accelerate finds them. On SIGTERM or SIGINT the
    step under way ends, `last` is saved, and the run returns unfinished.

    Args:
        recipe: What to do.
        material: What to learn from.
        out: The run's folder.
        is_resumed: Continue from `last`, with the same samples and rates as if nothing had happened.
        start: Weights that a new run starts from, by name; fresh ones when None.

    Raises:
        CheckpointError: If `last` is missing, cut, or of another recipe; for a new run, if `out` holds one already.
        RecipeError: If an epoch has no whole batch, or the loss is no longer finite.
    """
    started = time.monotonic()
    # before workers fork: a child that inherits OpenCV's thread pool waits for it forever
    cv2.setNumThreads(1)
    saved = saved_run(recipe, out, is_resumed=is_resumed)
    if not is_resumed:
        check_start(recipe, is_given=start is not None)
    run = _Run(recipe, material, out, accelerator_of(recipe), saved.structure if saved else None)
    run.begin(saved, start)
    with stop_requests() as stop, run.bar() as bar:
        while run.progress.epoch < recipe.epochs:
            epoch_started = time.monotonic()
            is_stopped = run.learn(stop, bar)
            if is_stopped:
                run.save_last()
                return run.result(False, time.monotonic() - started, stop)
            kept = run.to_keep()
            figures = run.judge(kept)
            run.keep_if_best(kept, figures)
            run.log(
                "epoch",
                epoch=run.progress.epoch,
                loss=run.progress.loss_sum / run.progress.step,
                lr=last_rate(run.scheduler),
                dev=asdict(figures),  # type: ignore[call-overload]
                best_epoch=run.progress.best_epoch,
                seconds=round(time.monotonic() - epoch_started, 1),
            )
            run.progress = replace(run.progress, epoch=run.progress.epoch + 1, step=0, loss_sum=0.0)
            run.save_last()
            run.tell(bar, figures)
    return run.result(True, time.monotonic() - started, stop)


def accelerator_of(recipe: Recipe) -> Accelerator:
    """The hardware at hand, and this process's place among those of `torchrun`.

    On CPUs accelerate must be told to look for the others: each would train alone, all into one folder.
    """
    return Accelerator(cpu=not torch.accelerator.is_available(), mixed_precision=recipe.mixed_precision)


def saved_run(recipe: Recipe, out: Path, *, is_resumed: bool) -> checkpoint.Checkpoint | None:
    """Where the run in `out` continues from; None for a new one. Quick enough to ask before any other work.

    Raises:
        CheckpointError: As `train`.
    """
    last = out / LAST
    if not is_resumed:
        if checkpoint.has_checkpoint(last):
            raise CheckpointError(f"{out} holds a run already; resume it, or choose another --out")
        return None
    saved = checkpoint.load_checkpoint(last)
    try:  # through `from_dict`, so that a setting younger than the run has its default
        is_same = to_dict(from_dict(saved.recipe)) == to_dict(recipe)
    except RecipeError:
        is_same = False
    if not is_same:
        raise CheckpointError(
            f"{last} is of another recipe; resume with the settings it was started with, or choose another --out"
        )
    return saved


def task_of(
    recipe: Recipe, material: Material, structure: Mapping[str, Any] | None, teachers: Teachers | None
) -> Task:
    """What the recipe teaches."""
    names = material.dev.species_names
    if recipe.masking is not None:
        return HiddenCells(recipe)
    if teachers is not None:
        return Distillation(recipe, names, structure, teachers)
    return Detection(recipe, names, structure)


class _Run:
    """The moving parts of one run."""

    def __init__(
        self, recipe: Recipe, material: Material, out: Path, accelerator: Accelerator,
        structure: Mapping[str, Any] | None,
    ) -> None:  # fmt: skip
        self.recipe, self.out, self.accelerator = recipe, out, accelerator
        how = recipe.optimisation
        teachers = teachers_of(recipe)
        samples = samples_of(recipe, material, teacher=crop_for(teachers, recipe))
        self.loader, self.dev_loader = accelerator.prepare(
            loader_of(samples, recipe, drops_last=True),
            loader_of(dev_of(recipe, material), recipe, drops_last=False),
        )
        if not len(self.loader):
            raise RecipeError(
                f"an epoch's samples must be at least batch_size for each of {accelerator.num_processes} processes; "
                f"got {len(samples)} and {recipe.batch_size}"
            )
        self.task = task_of(recipe, material, structure, teachers)
        raw = self.task.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.structure = structure_of(raw) if isinstance(raw, Detector) else {}
        self.learning = let_learn(raw, recipe.model)
        if how.is_recomputed:
            recompute_activations(raw)
        # copied before accelerate wraps the model, so that dev is judged in the precision that is deployed
        self.average = averaged(raw, decay=how.ema_decay).to(accelerator.device)
        self.model, self.optimizer = accelerator.prepare(
            raw, optimiser(raw, how, pretrained=self.learning.pretrained)
        )
        self.task.beside.to(accelerator.device)
        # stepped once a step by hand: accelerate would step it once a process
        steps = math.ceil(len(self.loader) / how.accumulation)
        self.scheduler = schedule(
            self.optimizer,
            num_steps=steps * recipe.epochs,
            warmup_share=how.warmup_share,
            stride=steps if how.scheduled_by == "epoch" else 1,
        )
        self.progress = checkpoint.Progress(num_processes=accelerator.num_processes)
        self.started_from: dict[str, torch.Tensor] = {}
        self.started = time.monotonic()

    def begin(self, saved: checkpoint.Checkpoint | None, start: Mapping[str, torch.Tensor] | None) -> None:
        """Take everything back from `saved`; or start anew, from the weights `start` where they are given."""
        if saved is not None:
            self._take_back(saved)
        elif start is not None:
            self._start_from(start)
        self.started = time.monotonic() - self.progress.seconds
        if self.accelerator.is_main_process:
            self.out.mkdir(parents=True, exist_ok=True)
            forget_from(self.out, self.progress.epoch)
        if saved is None:
            self.log("parameters", **self.learning.counts)

    def _start_from(self, weights: Mapping[str, torch.Tensor]) -> None:
        carried = carried_over(weights, self.bare)
        self.bare.load_state_dict(carried)
        self.average.module.load_state_dict(carried)
        if self.recipe.optimisation.start_share:
            self.started_from = {name: value.detach().clone() for name, value in carried.items()}

    def _take_back(self, saved: checkpoint.Checkpoint) -> None:
        before, now = saved.progress.num_processes, self.accelerator.num_processes
        if before != now:
            raise CheckpointError(
                f"the run in {self.out} has {before} processes; resume it with as many; got {now}"
            )
        try:
            self.bare.load_state_dict(saved.weights)
            self.optimizer.load_state_dict(saved.loop["optimizer"])
            self.scheduler.load_state_dict(saved.loop["scheduler"])
            self.average.load_state_dict(saved.loop["average"])
            self.task.beside.load_state_dict(saved.loop.get("auxiliary", {}))
            self.started_from = saved.loop.get("started_from", {})
        except (KeyError, ValueError, RuntimeError):
            raise CheckpointError(
                f"{self.out / LAST} does not fit this version of the model; resume with the version it was made by"
            ) from None
        self.progress = saved.progress

    def result(self, is_finished: bool, seconds: float, stop: threading.Event) -> Result:
        """How the run ended, as this process knows it."""
        return Result(self.progress, is_finished, seconds, self.accelerator.is_main_process, stop.is_set())

    @property
    def bare(self) -> nn.Module:
        """The model without accelerate's wrapping."""
        model: nn.Module = self.accelerator.unwrap_model(self.model)
        return model

    def learn(self, stop: threading.Event, bar: Progress) -> bool:
        """The rest of the epoch under way; ends early, on a whole step, and says True when asked to stop."""
        recipe, epoch = self.recipe, self.progress.epoch
        self.model.train()
        task = bar.add_task("", total=len(self.loader), completed=self.progress.step)
        loader = self.accelerator.skip_first_batches(self.loader, self.progress.step)
        loader.set_epoch(epoch)  # of the loader, which passes it on: on its own it says 0 to the samples
        is_stopped, learning = False, Learning(self.model, self.average.module)
        for batch in loader:
            # dropout's draws belong to the batch, so that a resumed run repeats them
            batch_seed = (recipe.seed + 1_000_003 * (epoch * len(self.loader) + self.progress.step)) % 2**31
            set_seed(batch_seed, device_specific=True)
            loss = self.task.loss(learning, self._pixels(batch), batch)
            value = self._finite(loss)
            together = batches_of_step(self.progress.step, len(self.loader), recipe.optimisation.accumulation)
            self.accelerator.backward(loss / len(together))
            self.progress = replace(
                self.progress, step=self.progress.step + 1, loss_sum=self.progress.loss_sum + value
            )
            bar.update(task, advance=1, description=f"epoch {epoch + 1}/{recipe.epochs} loss {value:.3f}")
            if self.progress.step < together.stop:
                continue
            self._step()
            is_stopped = self._is_stopped(stop)
            if is_stopped:
                break
        bar.remove_task(task)
        return is_stopped

    def _step(self) -> None:
        """Move the weights by the gradients of the last batches."""
        clip_norm = self.recipe.optimisation.clip_norm
        if clip_norm > 0:
            self.accelerator.clip_grad_norm_(self.model.parameters(), clip_norm)
        self.optimizer.step()
        limit_scales(self.bare)
        self.scheduler.step()
        self.optimizer.zero_grad()
        self.average.update_parameters(self.bare)
        if self.recipe.masking is not None:  # the targets are made by its statistics
            broadcast(list(self.average.buffers()))

    def _finite(self, loss: torch.Tensor) -> float:
        value = float(loss.detach())
        if not math.isfinite(value):
            where = f"epoch {self.progress.epoch + 1}, step {self.progress.step + 1}"
            raise RecipeError(f"the loss must be finite; got {value} in {where}; lower optimisation.lr_new")
        return value

    def _is_stopped(self, stop: threading.Event) -> bool:
        """Whether any process was asked to stop: all end on the same step, or they would wait for each other."""
        if stop.is_set():
            self.accelerator.set_trigger()
        return bool(self.accelerator.check_trigger())

    def to_keep(self) -> nn.Module:
        """The model with averaged weights, drawn back to those that training started from as far as the recipe says.

        The statistics of norms are the main process's in every process; where they are taken anew, the mean of all processes'.
        """
        share = self.recipe.optimisation.start_share
        if not share:
            broadcast(list(self.average.buffers()))
            return self.average.module
        kept = leaning_back(self.average.module, self.started_from, share=share, pixels=self._first_pixels())
        for name, statistic in kept.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                statistic.copy_(self.accelerator.reduce(statistic, reduction="mean"))
        return kept

    def _first_pixels(self) -> Iterator[torch.Tensor]:
        """What the epoch's first batches show: the same ones however often the run was stopped."""
        self.loader.set_epoch(self.progress.epoch)
        set_seed(self.recipe.seed)
        yield from map(self._pixels, islice(self.loader, BATCHES_OF_STATISTICS))

    def _pixels(self, batch: Mapping[str, torch.Tensor]) -> torch.Tensor:
        contract = self.recipe.contract
        pixels = normalise(batch["crop"], mean=contract.mean, std=contract.std)
        return pixels.contiguous(memory_format=torch.channels_last)

    def judge(self, kept: nn.Module) -> Figures:
        """Figures on dev of the weights that are kept."""
        judged = self.task.judge(kept, self.dev_loader, self.accelerator)
        if self.accelerator.is_main_process:
            write_routers(self.out, epoch=self.progress.epoch, health=judged.routers)
        return judged.figures

    def keep_if_best(self, kept: nn.Module, figures: Figures) -> None:
        """Save these weights as `best` when dev says that they are, or each time where the last are kept."""
        is_first = self.progress.best_epoch < 0
        if self.recipe.kept == "best" and not is_first and figures.value <= self.progress.best_value:
            return
        self.progress = replace(self.progress, best_epoch=self.progress.epoch, best_value=figures.value)
        if self.accelerator.is_main_process:
            checkpoint.save_checkpoint(
                self.out / BEST, weights=kept.state_dict(), loop=None,
                progress=self.progress, recipe=to_dict(self.recipe), structure=self.structure,
            )  # fmt: skip

    def save_last(self) -> None:
        """Save everything that resuming needs."""
        self.progress = replace(self.progress, seconds=time.monotonic() - self.started)
        if self.accelerator.is_main_process:
            checkpoint.save_checkpoint(
                self.out / LAST,
                weights=self.bare.state_dict(),
                loop={
                    "optimizer": self.optimizer.state_dict(),
                    "scheduler": self.scheduler.state_dict(),
                    "average": self.average.state_dict(),
                    "auxiliary": self.task.beside.state_dict(),
                    **({"started_from": self.started_from} if self.started_from else {}),
                },
                progress=self.progress,
                recipe=to_dict(self.recipe),
                structure=self.structure,
            )
        self.accelerator.wait_for_everyone()

    def log(self, event: str, **values: Any) -> None:
        """One line in `events.jsonl`."""
        if self.accelerator.is_main_process:
            append_event(self.out, event, **values)

    def tell(self, bar: Progress, figures: Figures) -> None:
        """The epoch that just ended, in one line on the main process."""
        if not self.accelerator.is_main_process:
            return
        mark = "  best" if self.progress.best_epoch == self.progress.epoch - 1 else ""
        line = f"epoch {self.progress.epoch:3d}  {figures.line}{mark}"
        bar.console.print(line, highlight=False)

    def bar(self) -> Progress:
        """A progress bar on the main process."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        return Progress(*columns, console=Console(stderr=True), disable=not self.accelerator.is_main_process)
