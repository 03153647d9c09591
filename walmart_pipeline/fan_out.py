"""Assets whose work is divided among processes: divide → shares side by side → the asset's own step, which commits.

The last step is the plain asset's: it stores what the shares left in staged files, and does what is left to do. So
there is one way to write a text or a score, in one process or in many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster._core.definitions.dependency import DynamicCollectDependencyDefinition, IDependencyDefinition

from walmart_pipeline.core.buckets import Share

if TYPE_CHECKING:
    from dagster._core.definitions.decorators.op_decorator import DecoratedOpFunction


@dataclass(frozen=True)
class FanOut:
    """An asset in shares. divide: yields them as outputs (`outputs`). work: does the share `share_of(context)`."""

    asset: dg.AssetsDefinition
    divide: Callable[..., Iterator[dg.DynamicOutput[None]]]
    work: Callable[..., None]

    def in_shares(self, asset: dg.AssetsDefinition) -> dg.AssetsDefinition:
        """The asset with steps that several processes take. asset: as the definitions have completed it."""
        name, spec = asset.op.name, asset.get_asset_spec(asset.key)
        own = cast("DecoratedOpFunction", asset.op.compute_fn).decorated_fn
        inputs = {"_".join(dep.asset_key.path): dep.asset_key for dep in spec.deps}
        steps: list[dg.OpDefinition] = [
            dg.op(
                name=f"{name}_divide", ins={each: dg.In(dg.Nothing) for each in inputs}, out=dg.DynamicOut(dg.Nothing)
            )(self.divide),
            dg.op(name=f"{name}_share", ins={"divided": dg.In(dg.Nothing)}, out=dg.Out(dg.Nothing))(self.work),
            dg.op(
                name=f"{name}_commit",
                ins={"shares": dg.In(dg.Nothing)},
                out=dg.Out(dg.Nothing),
                pool=asset.op.pool,
                description=spec.description,
            )(own),
        ]
        divide, share, commit = (dg.NodeInvocation(step.name, alias=step.name.rsplit("_", 1)[-1]) for step in steps)
        order: dict[dg.NodeInvocation, dict[str, IDependencyDefinition]] = {
            divide: {},
            share: {"divided": dg.DependencyDefinition("divide")},
            commit: {"shares": DynamicCollectDependencyDefinition("share", "result")},
        }
        graph = dg.GraphDefinition(
            name,
            node_defs=steps,
            dependencies=order,
            input_mappings=[
                dg.InputMapping(graph_input_name=each, mapped_node_name="divide", mapped_node_input_name=each)
                for each in inputs
            ],
            output_mappings=[
                dg.OutputMapping(
                    graph_output_name="result", mapped_node_name="commit", mapped_node_output_name="result"
                )
            ],
        )
        made = dg.AssetsDefinition.from_graph(
            graph, keys_by_input_name=inputs, keys_by_output_name={"result": asset.key}
        )
        return made.map_asset_specs(lambda _: spec)


def outputs(shares: Iterable[Share]) -> Iterator[dg.DynamicOutput[None]]:
    """Yield an output for each share."""
    for share in shares:
        yield dg.DynamicOutput(None, mapping_key=share.name)


def share_of(context: dg.OpExecutionContext) -> Share:
    """The share that a step does."""
    return Share.named(str(context.get_mapping_key()))


def fan_outs(modules: Iterable[Any]) -> list[FanOut]:
    """Return those that modules define."""
    return [each for module in modules for each in vars(module).values() if isinstance(each, FanOut)]


def in_shares(assets: Iterable[dg.AssetsDefinition], found: Iterable[FanOut]) -> list[dg.AssetsDefinition]:
    """Return the assets, with steps for several processes where there is a fan-out."""
    by_key = {each.asset.key: each for each in found}
    return [
        by_key[asset.key].in_shares(asset) if len(asset.keys) == 1 and asset.key in by_key else asset
        for asset in assets
    ]
