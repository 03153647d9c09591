"""What training on a chat file would come to, before anybody uploads it.

Belongs here: tokens, OpenAI's limit for an example, epochs and billed tokens. Does not: the file (example_files.py).
After OpenAI's cookbook, "Data preparation and analysis for chat model fine-tuning", with its constants. Tokens are
estimated from characters (llm/token_counts.py): exact counts need the tokenizer of the model that is trained.
"""

from __future__ import annotations

import json

from pydantic import Field

from walmart_pipeline.core.records import Record
from walmart_pipeline.llm import token_counts

# OpenAI, Supervised fine-tuning guide, "Token limits": gpt-4.1 and gpt-4o with their mini and nano models train on
# examples of at most 65,536 tokens; what is longer is cut off at the end.
EXAMPLE_TOKENS = 65_536
# The cookbook's: three tokens frame a message, three more the answer.
MESSAGE_TOKENS, ANSWER_TOKENS = 3, 3
TARGET_EPOCHS, LEAST_EPOCHS, MOST_EPOCHS = 3, 1, 25
LEAST_TARGET_EXAMPLES, MOST_TARGET_EXAMPLES = 100, 25_000


class FineTuning(Record):
    """A chat file in figures. Tokens are estimates."""

    examples: int
    without_system: int = Field(description="Conversations without a system message.")
    tokens: int = Field(description="Of one pass over all examples.")
    longest: int = Field(description="Tokens of the longest example.")
    too_long: int = Field(description="Examples above 65,536 tokens, of which the end would not be learned.")
    epochs: int = Field(description="Passes that OpenAI makes by default.")
    billed_tokens: int = Field(description="Tokens of all passes.")


class Tally:
    """Adds up the lines of a chat file."""

    def __init__(self) -> None:
        self._examples = self._without_system = self._tokens = self._billed = self._longest = self._too_long = 0

    def add(self, line: str) -> None:
        """Count one conversation that check_chat_line finds nothing wrong with."""
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
        """The figures of all lines so far."""
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
    """Passes that OpenAI makes over so many examples by default: three, more over few and fewer over many."""
    if not examples:
        return 0
    if examples * TARGET_EPOCHS < LEAST_TARGET_EXAMPLES:
        return min(MOST_EPOCHS, LEAST_TARGET_EXAMPLES // examples)
    if examples * TARGET_EPOCHS > MOST_TARGET_EXAMPLES:
        return max(LEAST_EPOCHS, MOST_TARGET_EXAMPLES // examples)
    return TARGET_EPOCHS
