"""The tests, in the same tree as the code; one process per core."""

import os

# Before numpy is imported. Each process with a thread per core, waiting for the others, took four times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")
