"""A process that judges: lines of pairs come in, answers go out, until its parent has no more.

Belongs here: the child's side of workers.py. Does not: what a line says (pairs.py).
Run as `python -m walmart_pipeline.judge.worker`. The first frame is the policy as JSON, answered by its label; each
further one is a batch of lines, answered by a frame of as many.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

from walmart_pipeline.judge.frames import read_frame, write_frame


def main() -> None:
    """Answer frames from stdin on stdout."""
    # Ctrl-C reaches every process of the terminal; the parent decides what it means, and its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Whatever a library prints must not come between the frames.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    from walmart_pipeline.judge import pairs
    from walmart_pipeline.judge.judge import Judge
    from walmart_pipeline.judge.policy.schema import Policy

    policy = read_frame(sys.stdin.buffer)
    if policy is None:
        return
    judge = Judge(Policy.model_validate_json(policy))
    write_frame(answers, judge.policy.label)
    # Hardly anything refers to itself here: to look for it after every 700 objects took 14 % of the time. What lasts is
    # left out, so that a look after each frame costs next to nothing.
    gc.freeze()
    gc.disable()
    while (lines := read_frame(sys.stdin.buffer)) is not None:
        write_frame(answers, "\n".join(pairs.answers(lines.split("\n"), judge)))
        gc.collect()


if __name__ == "__main__":
    main()
