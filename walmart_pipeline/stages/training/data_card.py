"""The data card of a version: DATACARD.md, for whoever is to train from it or to answer for it.

Belongs here: the card's words. Does not: figures (dataset_statistics.py) and pictures (dataset_plots.py).
The questions are those of Gebru et al., "Datasheets for Datasets" (2021): what for, what is in it, how made, limits.
"""

from __future__ import annotations

from pathlib import Path

from walmart_pipeline.core import markdown
from walmart_pipeline.core.files import write_whole
from walmart_pipeline.stages.training import dataset_plots
from walmart_pipeline.stages.training.dataset_statistics import Figures, figures
from walmart_pipeline.stages.training.dataset_versions import PARQUET, Manifest
from walmart_pipeline.stages.training.fine_tuning_estimate import EXAMPLE_TOKENS

CARD = "DATACARD.md"

FILES = """\
| file | holds |
|---|---|
| `training_data.json` | every example in the published schema |
| `chat_train.jsonl`, `chat_validation.jsonl`, `chat_test.jsonl` | a split each, as OpenAI's fine-tuning takes it |
| `preferences.jsonl` | reviewers' texts with what they replaced (prompt, chosen, rejected); only where there are any |
| `dataset.parquet` | a row an example, in typed columns, with source, family, component and split |
| `version.json` | this version for programs |
"""

LIMITS = """\
- Quality is what rules measure: the policy, and whether the record bears a text out. Few examples were seen by a
  person; how many were rated stands above.
- Most outputs are written by a model or composed from the record's own sentences, so they carry the habits of both.
- Near-copies below the threshold, and copies in other words, may be in different splits. Products too short to compare
  are kept together by brand and name alone.
- Shares of categories are the catalog's own, cut at the top; rare categories stay rare.
- English only. Prices, stock and reviews are in no text.
- The licence of the sources is unknown to this program: feeds and imported files are the retailer's, and whether they
  may be trained on or passed on has to be settled before anyone does so.
"""


def write(folder: Path, manifest: Manifest) -> Path:
    """Write the card and its pictures into a version's folder, which has its Parquet file already."""
    found = figures(folder / PARQUET)
    pictures = dataset_plots.write(found, folder / "figures")
    return write_whole(folder / CARD, _card(manifest, found, {name: path.name for name, path in pictures.items()}))


def _card(manifest: Manifest, found: Figures, pictures: dict[str, str]) -> str:
    whole = found.whole
    parent = f"It follows v{manifest.parent}." if manifest.parent else "It is the first version."
    sections = [
        f"# Dataset {manifest.name}",
        f"{whole['examples']:,} examples of product listings for Walmart.com: what a retailer's record says of a "
        f"product, and a text that was good for it. Made {manifest.created_at:%Y-%m-%d %H:%M} UTC, fingerprint "
        f"`{manifest.fingerprint}`. {parent} A version never changes.",
        "## What it is for",
        "Few-shot examples and fine-tuning of the Walmart-GPT models (`train`), tuning of their parameters "
        "(`validation`), and comparing a candidate with the champion (`test`). Not for training on `validation` or "
        "`test`, and not as a source of facts about products.",
        "## What is in it",
        FILES,
        f"{whole['families']:,} product families in {whole['components']:,} components; {whole['rated']:,} examples "
        "with a reviewer's stars.",
        *(_picture(name, pictures) + markdown.table(rows) for name, rows in _tables(found).items()),
        f"Texts are by: {', '.join(row['name'] for row in found.models) or 'nobody'}.",
        *(_picture(name, pictures) for name in ("quality", "description words")),
        f"Quality {_number(whole['least_quality'])} to 100, median {_number(whole['median_quality'])}; descriptions of "
        f"{_number(whole['least_words'])} to {_number(whole['most_words'])} words, median "
        f"{_number(whole['median_words'])}.",
        "## How it was made",
        f"Judged under the policy `{manifest.policy}`. Sources: texts that the judge accepted, texts that a reviewer "
        "wrote, and imported files, each row judged against its own input. Thresholds:",
        markdown.table([{"threshold": name, "value": str(value)} for name, value in manifest.thresholds.items()]),
        "Of near-copies (Jaccard index of three-word shingles, names and figures left out) the best stays: a "
        "reviewer's text before a well rated one before a well scored one. What did not go in:",
        markdown.table([{"reason": name, "examples": count} for name, count in manifest.excluded.items()]),
        "Families and near-copies of inputs form components, and a component is in one split. Where two merge, all "
        "goes to the held-out split; nothing ever comes back to training.",
        "## Training from it",
        f"Tokens are estimates (4 characters each); the limit of an example is {EXAMPLE_TOKENS:,}. Epochs are OpenAI's "
        "default. What they cost is not told: no price of training is known.",
        markdown.table([{"split": split} | cost.model_dump() for split, cost in manifest.fine_tuning.items()]),
        f"{manifest.preference_pairs:,} preference pairs, of the training split only.",
        "## Known limits",
        LIMITS,
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _tables(found: Figures) -> dict[str, list[dict[str, object]]]:
    return {"categories": found.categories, "sources": found.sources, "splits": found.splits}


def _picture(name: str, pictures: dict[str, str]) -> str:
    return f"![{name.capitalize()}](figures/{pictures[name]})\n\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"
