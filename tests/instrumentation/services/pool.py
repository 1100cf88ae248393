"""Processes of multiprocessing, by the start method that is given: three that end by themselves, and a pool that is terminated."""

from __future__ import annotations

import multiprocessing
import sys

from opentelemetry import trace


def work(number: int) -> None:
    """Something to report."""
    with trace.get_tracer("pool").start_as_current_span(f"work {number}"):
        pass


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    processes = [multiprocessing.Process(target=work, args=(number,)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    with multiprocessing.Pool(2) as pool:
        pool.map(work, range(3, 9))
