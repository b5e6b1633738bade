"""How busy a GPU is while something runs, sampled from its driver."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

SAMPLING = 0.1
"""Seconds between samples of the device's utilisation."""


@dataclass(frozen=True)
class Sample:
    """The device at a moment: share of the last moments in which it ran anything, and bytes in use by anybody."""

    at: float
    busy: float
    memory: int


@contextmanager
def sampled(device: str) -> Iterator[list[Sample]]:
    """Sample how busy a GPU is while the block runs; the list stays empty where that cannot be measured."""
    import torch

    samples: list[Sample] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SAMPLING):
            try:
                share = torch.cuda.utilization() / 100
            except (ModuleNotFoundError, RuntimeError):
                return
            free, total = torch.cuda.mem_get_info()
            samples.append(Sample(time.time(), share, total - free))

    watcher = threading.Thread(target=watch, daemon=True)
    if device == "cuda":
        watcher.start()
    try:
        yield samples
    finally:
        ended.set()
        if watcher.is_alive():
            watcher.join()


def busy(samples: Sequence[Sample]) -> str:
    """The mean utilisation and the most memory in use, for a line."""
    if not samples:
        return "-"
    share = sum(sample.busy for sample in samples) / len(samples)
    return f"{share:4.0%} {max(sample.memory for sample in samples) / 1e9:4.1f} GB"
