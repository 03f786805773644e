"""Processor seconds of a process and of everything it started, from Linux's /proc."""

import os
from collections import Counter
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_SHIPPER = b"\0audit-log\0"  # an argument of its own


def cpu_seconds(pid: int) -> Counter[str]:
    """Seconds (user and system) of a running service: of its "shipper" processes, and of all others "service"."""
    spent: Counter[str] = Counter()
    for process in _with_children(pid):
        folder = Path("/proc") / str(process)
        name = "shipper" if _SHIPPER in (folder / "cmdline").read_bytes() else "service"
        user, system = (folder / "stat").read_text().rpartition(")")[2].split()[11:13]
        spent[name] += (int(user) + int(system)) / _TICKS_PER_S
    return spent


def _with_children(pid: int) -> list[int]:
    tasks = (Path("/proc") / str(pid) / "task").glob("*/children")
    children = [int(child) for task in tasks for child in task.read_text().split()]
    return [pid, *(process for child in children for process in _with_children(child))]
