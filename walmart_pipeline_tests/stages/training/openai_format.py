"""OpenAI's fine-tuning format, checked independently of the code that writes it."""

from __future__ import annotations

import json
from typing import Any

ROLES = ("system", "user", "assistant")
MESSAGE_KEYS = {"role", "content", "name", "weight"}


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
    problems = [f"unknown key {key!r}" for key in message if key not in MESSAGE_KEYS]
    if message.get("role") not in ROLES:
        problems.append(f"role {message.get('role')!r} is not one of {', '.join(ROLES)}")
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        problems.append("content is not a text")
    return problems
