"""CPU and memory of this process."""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path


def cpu_seconds() -> float:
    """User and system time so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss_mb(who: int = resource.RUSAGE_SELF) -> int:
    """The most memory that was resident so far. Linux counts in KiB, macOS in bytes.

    who: resource.RUSAGE_CHILDREN for the largest process that was started and has ended.
    """
    peak = resource.getrusage(who).ru_maxrss
    return round(peak / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def rss_mb() -> int:
    """Memory that is resident now; the peak where the system does not tell."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return peak_rss_mb()
    return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20
