"""CPU and memory of this process."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path


def cpu_seconds() -> float:
    """User and system time of this process and its ended children so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def peak_rss_mb(who: int = resource.RUSAGE_SELF) -> int:
    """Peak resident memory so far. who: resource.RUSAGE_CHILDREN for the largest child process that has ended."""
    peak = resource.getrusage(who).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def rss_mb(pid: int | str = "self") -> int:
    """Current resident memory of a process; this one's peak if the system does not report it."""
    status = Path(f"/proc/{pid}/statm")
    if not status.exists():
        return peak_rss_mb()
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def cpu_seconds_of(pid: int) -> float:
    """User and system time of another process so far; 0 if the system does not report it."""
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        return 0.0
    # Its name may hold spaces.
    user, system = status.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
