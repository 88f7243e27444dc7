"""Many hands: batches of samples made in this process, or by others forked from it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from types import TracebackType

import cv2

from bonaface.data.simulation_maker import Made, Maker
from bonaface.data.simulation_plan import Sample
from bonaface.errors import SimulationError

AHEAD = 2
"""Batches handed out for each process: one that it makes, one that waits."""


class Crew:
    """Makes batches; processes are forked on entering, before threads of a progress bar are there to be copied.

    Args:
        maker: What each process works with, a copy each.
        workers: How many processes; 1 works in this one.

    Raises:
        SimulationError: If processes can not be forked here.
    """

    def __init__(self, maker: Maker, workers: int) -> None:
        if workers > 1 and "fork" not in multiprocessing.get_all_start_methods():
            raise SimulationError(f"workers must be 1 on this system, which can not fork; got {workers}")
        self._maker, self._workers, self._threads = maker, workers, cv2.getNumThreads()
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Crew:
        cv2.setNumThreads(1)  # before the fork: a child that inherits OpenCV's threads waits for them forever
        if self._workers > 1:
            context = multiprocessing.get_context("fork")
            self._pool = ProcessPoolExecutor(self._workers, context, _begin, (self._maker,))
            self._pool.submit(int).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(self._threads)

    def made(self, batches: Iterable[list[Sample]], *, is_stopped: Callable[[], bool]) -> Iterator[Made]:
        """What becomes of each batch, in the order in which they are finished.

        Once `is_stopped` says so no further batch is begun; those that are under way are finished.

        Raises:
            SimulationError: If a process was ended from outside.
        """
        if self._pool is None:
            for batch in batches:
                if is_stopped():
                    return
                yield self._maker.made(batch)
            return
        try:
            yield from _pooled(self._pool, iter(batches), self._workers * AHEAD, is_stopped)
        except BrokenProcessPool:
            raise SimulationError(
                "every process must live until its work is done; the system ended one, often for want of memory; "
                "run the same command again with fewer workers"
            ) from None


def _pooled(
    pool: ProcessPoolExecutor, batches: Iterator[list[Sample]], ahead: int, is_stopped: Callable[[], bool]
) -> Iterator[Made]:
    running = {pool.submit(_made, batch) for batch in islice(batches, ahead)}
    while running:
        finished, running = wait(running, return_when=FIRST_COMPLETED)
        if is_stopped():
            running = {future for future in running if not future.cancel()}
        else:
            running |= {pool.submit(_made, batch) for batch in islice(batches, len(finished))}
        yield from (future.result() for future in finished if not future.cancelled())


_makers: list[Maker] = []
"""In a forked process: what it works with."""


def _begin(maker: Maker) -> None:
    """A process ends with its parent, which decides when: signals to the whole process group do not reach it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _makers[:] = [maker]
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _made(batch: list[Sample]) -> Made:
    return _makers[0].made(batch)
