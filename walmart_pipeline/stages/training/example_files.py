"""Write training examples to files that others train from: the published schema, and OpenAI's chat lines.

Tokens are estimated from characters: exact counts need the tokenizer of the model that is trained. Limits, epochs and
constants are those of OpenAI's cookbook, "Data preparation and analysis for chat model fine-tuning".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from walmart_pipeline.core.files import atomic_writer
from walmart_pipeline.core.records import ExampleMetadata, ExampleOutput, Listing, Product, Record, TrainingExample
from walmart_pipeline.generation import prompt
from walmart_pipeline.llm import token_counts

# OpenAI, Supervised fine-tuning guide: "The minimum number of examples you can provide for fine-tuning is 10".
OPENAI_MINIMUM_EXAMPLES = 10
# OpenAI, Supervised fine-tuning guide, "Token limits": gpt-4.1 and gpt-4o with their mini and nano models train on
# examples of at most 65,536 tokens; what is longer is cut off at the end.
EXAMPLE_TOKENS = 65_536
# The cookbook's: three tokens frame a message, three more the answer.
MESSAGE_TOKENS, ANSWER_TOKENS = 3, 3
TARGET_EPOCHS, LEAST_EPOCHS, MOST_EPOCHS = 3, 1, 25
LEAST_TARGET_EXAMPLES, MOST_TARGET_EXAMPLES = 100, 25_000

_ROLES = ("system", "user", "assistant")
_MESSAGE_KEYS = {"role", "content", "name", "weight"}


class FineTuning(Record):
    """Estimated size and training cost of a chat file."""

    examples: int
    without_system: int = Field(description="Conversations without a system message.")
    tokens: int = Field(description="Of one pass over all examples.")
    longest: int = Field(description="Tokens of the longest example.")
    too_long: int = Field(description="Examples above 65,536 tokens, of which the end would not be learned.")
    epochs: int = Field(description="Passes that OpenAI makes by default.")
    billed_tokens: int = Field(description="Tokens of all passes.")


class FineTuningTally:
    """Sums over the lines of a chat file."""

    def __init__(self) -> None:
        self._examples = self._without_system = self._tokens = self._billed = self._longest = self._too_long = 0

    def add(self, line: str) -> None:
        """Add one valid conversation."""
        messages = json.loads(line)["messages"]
        characters = sum(len(message["content"]) + len(message["role"]) for message in messages)
        size = token_counts.estimate(characters) + MESSAGE_TOKENS * len(messages) + ANSWER_TOKENS
        self._examples += 1
        self._without_system += not any(message["role"] == "system" for message in messages)
        self._tokens += size
        self._billed += min(size, EXAMPLE_TOKENS)
        self._longest = max(self._longest, size)
        self._too_long += size > EXAMPLE_TOKENS

    def total(self) -> FineTuning:
        """Return the sums of all lines so far."""
        passes = epochs(self._examples)
        return FineTuning(
            examples=self._examples,
            without_system=self._without_system,
            tokens=self._tokens,
            longest=self._longest,
            too_long=self._too_long,
            epochs=passes,
            billed_tokens=passes * self._billed,
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


class ChatSummary(Record):
    """A chat file, and whether it has enough examples for OpenAI."""

    path: str
    examples: int
    missing: int = Field(description="How many more examples OpenAI's minimum of 10 asks for; 0 when it is reached.")
    cost: FineTuning


def example_from(
    product: Product,
    listing: Listing,
    score: float,
    *,
    timestamp: datetime,
    model_used: str,
    generation_time: float,
    user_rating: float | None = None,
    user_preferences: dict[str, str] | None = None,
) -> TrainingExample:
    """Return the example of a listing: the product's facts, and the text about it.

    score: 0 to 100; generation_time: seconds; user_rating: 1 to 5 stars.
    The input is what a request gives a model, so it names every fact that the text may state: one that is only in the
    output would teach a model to invent.
    """
    return TrainingExample(
        timestamp=timestamp,
        input=prompt.facts(product).model_copy(update={"user_preferences": user_preferences or {}}),
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
    """Write the published schema, a JSON list with one example a line; return how many.

    examples: each as JSON. One is held in memory.
    """
    count = 0
    with atomic_writer(path) as file:
        file.write("[")
        for count, example in enumerate(examples, start=1):
            file.write("\n" if count == 1 else ",\n")
            file.write(example)
        file.write("\n]\n")
    return count


def write_chat(path: Path, examples: Iterable[TrainingExample], *, system_prompt: str) -> ChatSummary:
    """Write one split of a dataset as the JSON Lines that OpenAI's fine-tuning and most open trainers read.

    Holds one example in memory. Below OpenAI's minimum the file is written all the same, and the summary says how many
    examples are missing. Raises ValueError, and writes nothing, for an example that OpenAI would refuse.
    """
    tally = FineTuningTally()
    with atomic_writer(path) as file:
        for count, example in enumerate(examples, start=1):
            line = chat_line(example, system_prompt=system_prompt)
            if problems := check_chat_line(line):
                name = example.input.product_name
                raise ValueError(f"{path.name}, line {count} ({name!r}): {'; '.join(problems)}")
            file.write(line + "\n")
            tally.add(line)
    cost = tally.total()
    missing = max(0, OPENAI_MINIMUM_EXAMPLES - cost.examples)
    return ChatSummary(path=str(path), examples=cost.examples, missing=missing, cost=cost)


def write_preferences(path: Path, pairs: Iterable[tuple[TrainingExample, Listing]], *, system_prompt: str) -> int:
    """Write preference pairs as open trainers read them (DPO: prompt, chosen, rejected as messages); return how many.

    pairs: the example that a reviewer's text makes, and the text that stood there before. Without any no file is left.
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


def chat_line(example: TrainingExample, *, system_prompt: str) -> str:
    """Return one conversation, with the same turns as a request and its answer (generation/prompt.py)."""
    # ASCII: a reader that takes U+2028 or U+0085 for the end of a line still gets whole lines.
    return json.dumps({"messages": _messages(example, system_prompt)})


def _messages(example: TrainingExample, system_prompt: str) -> list[dict[str, str]]:
    return [
        {"role": "system", "content": system_prompt},
        {"role": "user", "content": prompt.as_json(prompt.user(example.input))},
        {"role": "assistant", "content": prompt.as_json(prompt.answer(example.output))},
    ]


def check_chat_line(line: str) -> list[str]:
    """Return what OpenAI's fine-tuning would refuse in one line of a chat file.

    After the format checks of OpenAI's cookbook ("Data preparation and analysis for chat model fine-tuning"), for
    text conversations without tools, and stricter in one thing: the last message must be the assistant's.
    """
    try:
        conversation = json.loads(line)
    except json.JSONDecodeError as error:
        return [f"not JSON: {error}"]
    if not isinstance(conversation, dict):
        return ["not a JSON object"]
    problems = [f"unknown key {key!r} beside messages" for key in conversation if key != "messages"]
    messages = conversation.get("messages")
    if not isinstance(messages, list) or not messages:
        return [*problems, "no list of messages"]
    for number, message in enumerate(messages, start=1):
        problems += [f"message {number}: {problem}" for problem in _message_problems(message)]
    last = messages[-1]
    if not isinstance(last, dict) or last.get("role") != "assistant":
        problems.append("the last message is not the assistant's")
    return problems


def _message_problems(message: Any) -> list[str]:
    if not isinstance(message, dict):
        return ["not a JSON object"]
    problems = [f"unknown key {key!r}" for key in message if key not in _MESSAGE_KEYS]
    if message.get("role") not in _ROLES:
        problems.append(f"role {message.get('role')!r} is not one of {', '.join(_ROLES)}")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        problems.append("content is not a text")
    return problems
