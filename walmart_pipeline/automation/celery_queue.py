"""The work queue of a night on several processes: Celery's executor, and what a worker runs.

Belongs here: whatever needs dagster-celery, which only the extra `scale` installs. Imported where a broker is set.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import celery
import dagster as dg
import redis
from dagster._core.execution.retries import RetryMode
from dagster._grpc.types import ExecuteStepArgs
from dagster._serdes import unpack_value
from dagster_celery.executor import CeleryExecutor
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

from walmart_pipeline.automation import live_runs
from walmart_pipeline.automation.executor import supervised

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan

logger = logging.getLogger(__name__)

# Redis gives a step to another worker when its own has not reported for so long; Celery's default is an hour. A worker
# that was only slow does the step a second time, for nothing: the ledger has the answers, and files are whole.
VISIBILITY_SECONDS = 20
REPORT_SECONDS = 4.0

# Of kombu's transport: the steps that workers have, by the time of their last report.
UNACKED_INDEX = "unacked_index"

# A step is acknowledged when it is done, and a worker reserves none beside it. Results are read once.
CONFIG = {
    "task_acks_late": True,
    "worker_prefetch_multiplier": 1,
    "result_expires": 24 * 3600,
    "broker_connection_retry_on_startup": True,
    "broker_transport_options": {"visibility_timeout": VISIBILITY_SECONDS, "unacked_restore_throttle": 1},
}


class SupervisedCeleryExecutor(CeleryExecutor):
    """Sends the steps of a run to workers, under the locks of live_runs, and waits for them."""

    def __init__(self, broker: str) -> None:
        super().__init__(RetryMode.ENABLED, broker=broker, backend=broker, config_source=CONFIG)  # type: ignore[no-untyped-call] # dagster-celery has no types

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Wait for the active run of the same kind, if any, then queue the steps as they become ready."""
        with supervised(plan_context):
            yield from super().execute(plan_context, execution_plan)  # type: ignore[no-untyped-call]


class WantedStep(celery.Task):  # type: ignore[misc] # celery has no types
    """A step from the queue. What is left there of a run that is dead, cancelled or finished is not executed."""

    def __call__(self, execute_step_args_packed: Any, executable_dict: Any) -> list[str]:
        """Execute the step, and tell Redis meanwhile that its worker is alive."""
        args = unpack_value(execute_step_args_packed, as_type=ExecuteStepArgs)
        with _reported(self.app.conf.broker_url, self.request.properties["delivery_tag"]):
            instance = dg.DagsterInstance.from_ref(args.instance_ref)  # type: ignore[arg-type] # always given to workers
            try:
                wanted = is_wanted(instance, args.run_id)
            finally:
                instance.dispose()
            if not wanted:
                logger.warning("run %s is over: its step %s is not executed", args.run_id, args.step_keys_to_execute)
                return []
            done: list[str] = super().__call__(execute_step_args_packed, executable_dict)
            return done


def is_wanted(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return whether a run goes on. One whose process is dead, as far as this machine sees, does not."""
    live_runs.reap_dead_runs(instance)
    run = instance.get_run_by_id(run_id)
    return run is not None and not run.is_finished and run.status is not dg.DagsterRunStatus.CANCELING


@contextmanager
def _reported(broker: str, delivery_tag: str) -> Iterator[None]:
    ended = threading.Event()

    def report() -> None:
        with redis.Redis.from_url(broker) as client:
            while not ended.wait(REPORT_SECONDS):
                try:
                    client.zadd(UNACKED_INDEX, {delivery_tag: time.time()}, xx=True)
                except redis.RedisError as error:
                    logger.warning("the queue does not answer: %s", error)

    threading.Thread(target=report, daemon=True).start()
    try:
        yield
    finally:
        ended.set()


def app(broker: str) -> celery.Celery:
    """Build Celery's app of a worker."""
    made = make_app({"broker": broker, "backend": broker, "config_source": CONFIG})  # type: ignore[no-untyped-call]
    made.conf.task_default_queue = "dagster"
    create_task(made, base=WantedStep)  # type: ignore[no-untyped-call]
    return made


def work(broker: str, name: str) -> None:
    """Take steps from the queue, one at a time, until SIGTERM; then the step at hand is finished first.

    In one process: a core each, and whoever kills it kills it whole.
    """
    app(broker).worker_main(
        ["worker", "--pool=solo", "--loglevel=WARNING", f"--hostname={name}@%h", "--without-gossip", "--without-mingle"]
    )
