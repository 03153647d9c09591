"""The executor of the jobs, under the locks of live_runs: all steps in the run's process, or sent to workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import dagster as dg

from walmart_pipeline.automation import live_runs, sources
from walmart_pipeline.core import settings
from walmart_pipeline.core.settings import Settings

if TYPE_CHECKING:
    from dagster._core.execution.context.system import PlanOrchestrationContext
    from dagster._core.execution.plan.plan import ExecutionPlan
    from dagster._core.execution.retries import RetryMode


@contextmanager
def supervised(plan_context: PlanOrchestrationContext) -> Iterator[None]:
    """Execute a run in this block: registered as alive, the only one of its kind, with its sources observed."""
    announce = plan_context.log.warning
    with live_runs.supervised(plan_context.instance, plan_context.run_id, plan_context.job_name, announce):
        sources.observe(plan_context.instance, settings.load())
        yield


class SupervisedExecutor(dg.Executor):
    """Executes runs of the UI, the daemon and `dg launch`; `walmart-pipeline run` takes the same locks itself."""

    def __init__(self, inner: dg.Executor) -> None:
        self._inner = inner

    @property
    def retries(self) -> RetryMode:
        """The retry mode of the in-process executor."""
        return self._inner.retries

    def execute(
        self, plan_context: PlanOrchestrationContext, execution_plan: ExecutionPlan
    ) -> Iterator[dg.DagsterEvent]:
        """Wait for the active run of the same kind, if any, then execute all steps."""
        with supervised(plan_context):
            yield from self._inner.execute(plan_context, execution_plan)


_in_process: Any = dg.in_process_executor

# A process per step would import all definitions each time: 42 s instead of 7 s for six trivial assets.
supervised_executor = dg.ExecutorDefinition(
    name="in_process",
    config_schema=_in_process.config_schema,
    executor_creation_fn=lambda context: SupervisedExecutor(_in_process.executor_creation_fn(context)),
)


def executor_of(configured: Settings) -> dg.ExecutorDefinition:
    """The executor of a workspace: WALMART_CELERY_BROKER names the queue of its workers, if it has any."""
    if configured.celery_broker is None:
        return supervised_executor
    broker = configured.celery_broker.get_secret_value()

    def create(_: dg.InitExecutorContext) -> dg.Executor:
        from walmart_pipeline.automation.celery_queue import SupervisedCeleryExecutor

        return SupervisedCeleryExecutor(broker)

    return dg.ExecutorDefinition(
        name="celery", requirements=dg.multiple_process_executor_requirements(), executor_creation_fn=create
    )
