"""Every setting that the code reads, resolved for one domain: small, for the tiny model and its corpus."""

from __future__ import annotations

from typing import Any

from ink.config.sections.base_system import BaseModelSource, Datastore, Decoding, Index
from ink.config.sections.measurements import Evaluation, KnnAccuracy, Speed
from ink.config.sections.parallel_text import Text
from ink.config.sections.retrieval_systems import AKnn, CombinerTraining, RKnn, VKnn
from ink.config.sections.trained_systems import Adapter, Ink, KnnKd, Training
from ink.config.slices.result_slices import EvaluatedText
from ink.config.slices.slice import Slice
from ink.config.values import Device, Precision, Section

SETTINGS: dict[str, Any] = {
    "device": "cpu",
    "precision": "fp32",
    "data": {"source_language": "xx", "target_language": "yy", "general_domain": "general"},
    "text": {
        "source_tokeniser_language": "de",
        "target_tokeniser_language": "en",
        "normalise_punctuation": True,
        "aggressive_dash_splits": True,
        "split_unknown_subwords": False,
        "escape": False,
        "bpe_merges": 30,
        "max_length": 60,
        "max_length_ratio": 5.0,
    },
    "base_model": {
        "path": None,
        "bpe_codes": None,
        "source_dictionary": None,
        "target_dictionary": None,
        "train": {
            "encoder_layers": 2,
            "decoder_layers": 2,
            "dimension": 16,
            "ffn_dimension": 32,
            "attention_heads": 2,
            "dropout": 0.1,
            "learning_rate": 2.0e-3,
            "warmup_updates": 10,
            "batch_tokens": 400,
            "processes": 1,
            "label_smoothing": 0.1,
            "max_epochs": 2,
            "average_last": 2,
        },
    },
    "datastore": {"batch_tokens": 200, "shards": 1},
    "index": {
        "type": "exact",
        "device": "cpu",
        "lists": 4,
        "code_bytes": 8,
        "probes": 4,
        "training_sample": 2000,
        "seed": 7,
    },
    "decoding": {"beam": 3, "length_penalty": 0.6, "max_len_a": 1.2, "max_len_b": 5, "batch_sentences": 4},
    "evaluation": {"sacrebleu_tokeniser": "13a", "bootstrap_samples": 50, "bootstrap_seed": 12345, "comet": None},
    "training": {
        "learning_rate": 5.0e-3,
        "warmup_updates": 4,
        "betas": [0.9, 0.98],
        "weight_decay": 1.0e-4,
        "clip_norm": 0.0,
        "batch_tokens": 200,
        "update_frequency": 1,
        "processes": 1,
        "dropout": 0.1,
        "label_smoothing": 0.1,
        "patience": 10,
        "dev_sentences": 4,
        "dev_beam": 1,
        "average_last": 2,
        "checkpoint_updates": 2,
    },
    "adapter": {
        "inner_dimension": 8,
        "initialisation": "zero",
        "max_epochs": 2,
        "sizes": [],
        "label_smoothings": [],
        "dropouts": [],
    },
    "ink": {
        "max_rounds": 2,
        "rounds_per_job": 1,
        "variant": "paper",
        "k": 4,
        "alpha": 0.2,
        "beta": 0.2,
        "neighbours": "per_round",
        "refresh": "every_round",
        "refresh_index": "reuse",
        "ablations": [],
        "controls": [],
        "search": False,
        "search_over": [0.1, 0.3],
    },
    "knn_kd": {
        "k": 3,
        "temperature": 10.0,
        "weight": 1.0,
        "stored": 6,
        "own_entry": "included",
        "max_epochs": 3,
        "learning_rate": 3.0e-3,
        "warmup_updates": 4,
        "batch_tokens": 200,
        "update_frequency": 1,
        "processes": 1,
        "dropout": 0.2,
        "attention_dropout": 0.1,
        "activation_dropout": 0.1,
        "label_smoothing": 0.1,
    },
    "v_knn": {
        "key": "decoder_output",
        "k": [2, 4],
        "lambda": [0.3, 0.7],
        "temperature": [1, 10],
        "select_by": "likelihood",
    },
    "combiner_training": {
        "learning_rate": 1.0e-2,
        "betas": [0.9, 0.98],
        "epsilon": 1.0e-8,
        "clip_norm": 1.0,
        "batch_sentences": 3,
        "label_smoothing": 0.001,
        "max_updates": 60,
        "check_every": 10,
        "best_from": 20,
        "patience": 30,
        "base_dropout": "none",
    },
    "a_knn": {"key": "decoder_output", "max_k": 4, "temperature": 10, "hidden": 8, "dropout": 0.0},
    "r_knn": {
        "key": "decoder_output",
        "max_k": 4,
        "hidden_calibration": 4,
        "hidden_weight": 8,
        "top_probabilities": 8,
        "sigma": 0.01,
        "alpha0": 1.0,
        "decay": 20,
    },
    "own_systems": {},
    "knn_accuracy": {"domains": ["koran"], "k": [2, 4], "bucket_edges": [0, 10, 20, None]},
    "speed": {
        "domain": "koran",
        "systems": ["r_knn", "ink"],
        "batch_sentences": [2, 4],
        "repeats": 2,
        "sentences": 5,
    },
}


class Everything(Slice):
    """All settings that commands read, resolved for one domain: it does for every command's slice."""

    device: Device
    precision: Precision
    data: EvaluatedText
    text: Text
    base_model: BaseModelSource
    datastore: Datastore
    index: Index
    decoding: Decoding
    evaluation: Evaluation
    training: Training
    adapter: Adapter
    ink: Ink
    knn_kd: KnnKd
    v_knn: VKnn
    combiner_training: CombinerTraining
    a_knn: AKnn
    r_knn: RKnn
    own_systems: dict[str, dict[str, Any]]
    knn_accuracy: KnnAccuracy
    speed: Speed

    def changed(self, **settings: Any) -> Everything:
        """The same with single settings, or those of sections, changed."""
        return Everything.model_validate(_laid_over(self.plain(), settings))


def _laid_over(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{name: _laid_over(below.get(name), value) for name, value in above.items()}}
    return above.plain() if isinstance(above, Section) else above
