"""A prepared corpus as others see it: its fingerprint, and its splits as fairseq datasets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ink.files import read_json

FAIRSEQ_NAMES = {"train": "train", "dev": "valid", "test": "test"}


@dataclass(frozen=True)
class PreparedCorpus:
    """Binarised text of one domain and its two languages."""

    path: Path
    source_language: str
    target_language: str

    @property
    def fingerprint(self) -> str:
        """Tells this binarised corpus from others."""
        return str(read_json(self.path / "prepared.json")["fingerprint"])

    def load(self, task: Any, split: str) -> Any:
        """Load train, dev or test through a fairseq task, as a LanguagePairDataset."""
        task.cfg.data = str(self.path)
        task.load_dataset(FAIRSEQ_NAMES[split])
        return task.dataset(FAIRSEQ_NAMES[split])
