"""Draw the picture in docs/ARCHITECTURE.md from the code: packages, stages with their assets, and what depends on what.

python docs/picture.py          write it
python docs/picture.py --check  fail if it is out of date
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import grimp

from walmart_pipeline.definitions import build_defs

PAGE = Path(__file__).with_name("ARCHITECTURE.md")
BEGIN, END = "```mermaid\n", "```\n"


def packages() -> dict[str, set[str]]:
    """The parts of walmart_pipeline, each with those that it imports."""
    root = "walmart_pipeline"
    graph = grimp.build_graph(root)
    parts = sorted(graph.find_children(root))
    return {
        part.removeprefix(f"{root}."): {
            other.removeprefix(f"{root}.")
            for other in parts
            if other != part and graph.direct_import_exists(importer=part, imported=other, as_packages=True)
        }
        for part in parts
    }


def stages() -> tuple[dict[str, list[str]], dict[str, set[str]]]:
    """The assets of each stage, and the stages whose assets these depend on."""
    assets, upstream = defaultdict[str, list[str]](list), defaultdict[str, set[str]](set)
    for spec in sorted(build_defs().resolve_all_asset_specs(), key=lambda spec: spec.key):
        stage, name = spec.key.path
        assets[stage].append(name)
        upstream[stage] |= {dep.asset_key.path[0] for dep in spec.deps} - {stage}
    return dict(assets), dict(upstream)


def reduced(edges: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Only the edges that no longer path between the same two nodes implies."""

    def reachable(start: str, seen: frozenset[str] = frozenset()) -> set[str]:
        following = edges[start] - seen
        return following.union(*(reachable(each, seen | following) for each in following))

    return {
        node: {target for target in targets if not any(target in reachable(via) for via in targets - {target})}
        for node, targets in edges.items()
    }


def mermaid() -> Iterator[str]:
    """The lines of the picture."""
    yield "flowchart TD"
    for package, imported in sorted(reduced(packages()).items()):
        yield from (f"    {package} --> {other}" for other in sorted(imported))
    assets, upstream = stages()
    yield "    subgraph stages"
    yield "        direction LR"
    for stage, names in assets.items():
        yield f'        {stage}["<b>{stage}</b><br/>{"<br/>".join(names)}"]'
    for stage, sources in sorted(upstream.items()):
        yield from (f"        {source} -.-> {stage}" for source in sorted(sources))
    yield "    end"


def main() -> None:
    """Write the picture into the page, or compare it with the one there."""
    before = PAGE.read_text(encoding="utf-8")
    head, _, rest = before.partition(BEGIN)
    _, _, tail = rest.partition(END)
    after = head + BEGIN + "\n".join(mermaid()) + "\n" + END + tail
    if "--check" not in sys.argv:
        PAGE.write_text(after, encoding="utf-8")
    elif after != before:
        sys.exit(f"{PAGE} is out of date: run `make docs`")


if __name__ == "__main__":
    main()
