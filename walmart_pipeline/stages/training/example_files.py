"""Writes training examples to files: the published schema, OpenAI's chat format, and preference pairs.

Tokens are estimated from characters: exact counts need the tokenizer of the trained model. Epochs and message overhead
are those of OpenAI's cookbook, "Data preparation and analysis for chat model fine-tuning".
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import Field

from walmart_pipeline.core.files import atomic_writer
from walmart_pipeline.core.records import ExampleMetadata, ExampleOutput, Listing, Product, Record, TrainingExample
from walmart_pipeline.generation import prompt
from walmart_pipeline.llm import token_counts

# OpenAI, Supervised fine-tuning guide, "Token limits": gpt-4.1 and gpt-4o, all sizes, truncate longer examples.
EXAMPLE_TOKENS = 65_536
# Overhead of each message, and of the answer.
MESSAGE_TOKENS, ANSWER_TOKENS = 3, 3
TARGET_EPOCHS, LEAST_EPOCHS, MOST_EPOCHS = 3, 1, 25
LEAST_TARGET_EXAMPLES, MOST_TARGET_EXAMPLES = 100, 25_000


class FineTuning(Record):
    """Estimated size and training cost of a chat file."""

    examples: int
    without_system: int = Field(default=0, description="Conversations without a system message: none.")
    tokens: int = Field(description="Of one epoch.")
    longest: int = Field(description="Tokens of the longest example.")
    too_long: int = Field(description="Examples above 65,536 tokens, which are truncated.")
    epochs: int = Field(description="OpenAI's default.")
    billed_tokens: int = Field(description="Tokens of all epochs.")


def fine_tuning(sizes: Sequence[int]) -> FineTuning:
    """Return the size and cost of a file. sizes: tokens of each conversation."""
    passes = epochs(len(sizes))
    return FineTuning(
        examples=len(sizes),
        tokens=sum(sizes),
        longest=max(sizes, default=0),
        too_long=sum(size > EXAMPLE_TOKENS for size in sizes),
        epochs=passes,
        billed_tokens=passes * sum(min(size, EXAMPLE_TOKENS) for size in sizes),
    )


def epochs(examples: int) -> int:
    """Return OpenAI's default number of epochs: three, more for few examples and fewer for many."""
    if not examples:
        return 0
    if examples * TARGET_EPOCHS < LEAST_TARGET_EXAMPLES:
        return min(MOST_EPOCHS, LEAST_TARGET_EXAMPLES // examples)
    if examples * TARGET_EPOCHS > MOST_TARGET_EXAMPLES:
        return max(LEAST_EPOCHS, MOST_TARGET_EXAMPLES // examples)
    return TARGET_EPOCHS


def example_from(
    product: Product,
    listing: Listing,
    score: float,
    *,
    timestamp: datetime,
    model_used: str,
    generation_time: float,
    user_rating: float | None = None,
    user_preferences: Mapping[str, str] = prompt.NO_PREFERENCES,
) -> TrainingExample:
    """Return the training example of a listing.

    score: 0 to 100; generation_time: seconds; user_rating: 1 to 5 stars; user_preferences: that it was written by.
    The input has every fact of a request, hence every fact that the text may state: one that is only in the output
    would teach a model to invent.
    """
    return TrainingExample(
        timestamp=timestamp,
        input=prompt.facts(product, user_preferences),
        output=ExampleOutput(
            title=listing.title,
            features_formatted="\n".join(prompt.lines(listing.key_features)),
            description=listing.description,
            seo_keywords=listing.seo_keywords,
        ),
        metadata=ExampleMetadata(
            model_used=model_used,
            generation_time=generation_time,
            quality_score=score,
            user_rating=user_rating,
        ),
    )


def write_training_data(path: Path, examples: Iterable[str]) -> int:
    """Write examples, each as JSON, as a JSON list in the published schema. Returns their number."""
    count = 0
    with atomic_writer(path) as file:
        file.write("[")
        for count, example in enumerate(examples, start=1):
            file.write("\n" if count == 1 else ",\n")
            file.write(example)
        file.write("\n]\n")
    return count


def write_chat(path: Path, examples: Iterable[TrainingExample], *, system_prompt: str) -> FineTuning:
    """Write examples as the JSON lines that OpenAI's fine-tuning and most open trainers read. Returns their size."""
    sizes = array("L")
    with atomic_writer(path) as file:
        for example in examples:
            line, tokens = chat_line(example, system_prompt=system_prompt)
            file.write(line + "\n")
            sizes.append(tokens)
    return fine_tuning(sizes)


def write_preferences(path: Path, pairs: Iterable[tuple[TrainingExample, Listing]], *, system_prompt: str) -> int:
    """Write preference pairs for open trainers (DPO: prompt, chosen, rejected as messages). Returns their number.

    pairs: the example of a reviewer's text, and the text that it replaced. Without pairs no file is written.
    """
    count = 0
    with atomic_writer(path) as file:
        for example, replaced in pairs:
            system, user, chosen = _messages(example, system_prompt)
            rejected = {"role": "assistant", "content": prompt.as_json(replaced.model_dump())}
            pair = {"prompt": [system, user], "chosen": [chosen], "rejected": [rejected]}
            file.write(json.dumps(pair) + "\n")
            count += 1
    if not count:
        path.unlink()
    return count


def chat_line(example: TrainingExample, *, system_prompt: str) -> tuple[str, int]:
    """Return one conversation with the turns of a request and its answer (generation/prompt.py), and its tokens."""
    messages = _messages(example, system_prompt)
    characters = sum(len(message["content"]) + len(message["role"]) for message in messages)
    tokens = token_counts.estimate(characters) + MESSAGE_TOKENS * len(messages) + ANSWER_TOKENS
    # ASCII, because some readers split lines at U+2028 and U+0085.
    return json.dumps({"messages": messages}), tokens


def _messages(example: TrainingExample, system_prompt: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": system_prompt},
        {"role": "user", "content": prompt.as_json(prompt.user(example.input))},
        {"role": "assistant", "content": prompt.as_json(prompt.answer(example.output))},
    ]
