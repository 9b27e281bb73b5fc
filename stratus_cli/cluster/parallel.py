"""Several blocking calls at once, in threads that never keep the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TypeVar

ResultT = TypeVar("ResultT")

THREADS = 12


def in_parallel(
    jobs: Sequence[Callable[[], ResultT]], *, threads: int = THREADS
) -> tuple[ResultT, ...]:
    """The results in the order of the jobs. The first error of the first failed job is raised.

    Ctrl-C gets through at once: the threads are left behind, they only read.
    """
    results: list[ResultT | None] = [None] * len(jobs)
    errors: list[BaseException | None] = [None] * len(jobs)
    waiting = iter(range(len(jobs)))
    lock = threading.Lock()

    def work() -> None:
        while True:
            with lock:
                index = next(waiting, None)
            if index is None:
                return
            try:
                results[index] = jobs[index]()
            except BaseException as error:  # noqa: BLE001  # raised again in the caller's thread
                errors[index] = error

    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(threads, len(jobs)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    failed = next((error for error in errors if error is not None), None)
    if failed is not None:
        raise failed
    return tuple(results)  # type: ignore[arg-type]  # every job has run
