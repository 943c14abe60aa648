"""Processes that take one job after another, say how far they are in it, and are replaced when one ends in the middle.

A job that ended its process is taken again by a new one, which is told where: so one program that crashes an engine
costs that program, not the run.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any

POLL = 2.0
"""Seconds after which a process without a job looks whether its parent lives."""
Note = Callable[[int], None]
"""What a job calls before each of its parts, with the part's number."""
Run = Callable[[Any, dict[int, str], Note], Any]
"""Does a job. The dictionary says which parts ended a process before, and how."""


@dataclass(slots=True)
class Job:
    """One piece of work, and the parts of it that ended a process."""

    work: Any
    ended: dict[int, str] = field(default_factory=dict)


class Worker:
    """A process, and the job that it has. ``at``: the part that it began last."""

    def __init__(self, run: Run) -> None:
        self.mine, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=_serve, args=(run, theirs, os.getpid()))
        self.process.start()
        theirs.close()
        self.job: Job | None = None
        self.at: int | None = None

    def take(self, job: Job) -> None:
        """Gives the process a job."""
        self.job, self.at = job, None
        self.mine.send((job.work, job.ended))

    def end(self) -> str:
        """Lets the process end, or kills it in the middle of a job; how it ended."""
        with suppress(OSError):
            self.mine.send(None)
        if self.job is not None:
            self.process.terminate()
        self.process.join()
        self.mine.close()
        code = self.process.exitcode or 0
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def _serve(run: Run, pipe: Connection, parent: int) -> None:
    while (given := _next(pipe, parent)) is not None:
        work, ended = given
        try:
            pipe.send((None, run(work, ended, lambda part: pipe.send((part, None)))))
        except Exception as error:
            pipe.send((None, error))


def _next(pipe: Connection, parent: int) -> Any:
    """The next job; None when there is none, or the parent is gone: the pipe doesn't say so, for the processes beside
    this one were forked with the other end of it."""
    while not pipe.poll(POLL):
        if os.getppid() != parent:
            return None
    return pipe.recv()


def results(run: Run, works: Iterable[Any], count: int) -> Iterator[Any]:
    """What ``run`` makes of each piece of work, on so many processes, as they are ready. Raises what a job raises, and
    RuntimeError where a process ends before the first part of its job."""
    waiting = deque(map(Job, works))
    workers = [Worker(run) for _ in range(min(count, len(waiting)))]
    try:
        for worker in workers:
            worker.take(waiting.popleft())
        while busy := [worker for worker in workers if worker.job is not None]:
            for pipe in wait([worker.mine for worker in busy]):
                place = next(k for k, worker in enumerate(workers) if worker.mine is pipe)
                done = _received(workers, place, run)
                if done is None:
                    continue
                if waiting:
                    workers[place].take(waiting.popleft())
                yield done[0]
    finally:
        for worker in workers:
            worker.end()


def _received(workers: list[Worker], place: int, run: Run) -> tuple[Any] | None:
    """Takes one message; the result where it is one. A worker that ended is replaced, and its job begun again."""
    worker = workers[place]
    job = worker.job
    assert job is not None
    try:
        part, found = worker.mine.recv()
    except (EOFError, ConnectionResetError):
        worker.job = None
        how = worker.end()
        if worker.at is None or worker.at in job.ended:
            workers.remove(worker)
            raise RuntimeError(f"a process ended ({how}) outside the parts of its job: {job.work!r:.200}") from None
        job.ended[worker.at] = how
        workers[place] = Worker(run)
        workers[place].take(job)
        return None
    if part is not None:
        worker.at = part
        return None
    worker.job = None
    if isinstance(found, Exception):
        raise found
    return (found,)


def ends_its_process(run: Callable[[], Any]) -> bool:
    """Whether a function ends the process that calls it; asked in a process of its own."""
    process = multiprocessing.Process(target=_quietly, args=(run,))
    process.start()
    process.join()
    return process.exitcode != 0


def _quietly(run: Callable[[], Any]) -> None:
    try:
        run()
    except Exception:
        return
