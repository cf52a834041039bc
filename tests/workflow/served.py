"""Archives laid out as those of the paper's model and text, only small, and a server that breaks off half-way."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import tarfile
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch
from fairseq import options, tasks

from ink.config.languages import LanguagePair
from ink.config.sections.parallel_text import Text
from ink.corpus.own_text import write_corpus
from ink.corpus.preparation import prepare
from ink.corpus.vocabulary import learn_vocabulary
from ink.runtime.whole_files import read_lines
from ink.synthetic import generate

LANGUAGES = LanguagePair("de", "en")

SENTENCES = {
    "medical": {"train": 150, "dev": 12, "test": 14},
    **{domain: {"train": 4, "dev": 2, "test": 3} for domain in ("law", "it", "koran")},
}
WIDTH, HEADS, ENCODER_INNER, DECODER_INNER = 64, 4, 128, 64


def write_archives(folder: Path, text_settings: Mapping[str, Any]) -> tuple[Path, Path]:
    """Write into `folder` wmt19.de-en.ffn8192.tar.gz, a model with random weights, and data-bin.zip, four domains."""
    corpora = generate(SENTENCES, seed=7)
    merged = {"train": [pair for splits in corpora.values() for pair in splits["train"]]}
    write_corpus(folder / "corpus", "all", merged, LANGUAGES, "synthetic")
    settings = Text.model_validate({**text_settings, "bpe_merges": 400})
    learn_vocabulary(folder / "corpus", settings, LANGUAGES, folder / "vocabulary")
    for domain, splits in corpora.items():
        write_corpus(folder / "raw" / domain, domain, splits, LANGUAGES, "synthetic")
        prepare(
            folder / "raw" / domain,
            folder / "vocabulary",
            settings,
            LANGUAGES,
            folder / "prepared" / domain,
        )
    return _model_archive(folder), _text_archive(folder)


def _model_archive(folder: Path) -> Path:
    name = "wmt19.de-en.ffn8192"
    model = folder / name
    model.mkdir()
    for language in ("de", "en"):
        shutil.copy(folder / "vocabulary" / f"dict.{language}.txt", model)
    version, *merges = read_lines(folder / "vocabulary" / "bpecodes")
    assert version.startswith("#version")
    counted = [f"{merge} {len(merges) - number}\n" for number, merge in enumerate(merges)]
    (model / "ende30k.fastbpe.code").write_text("".join(counted), encoding="utf-8")
    _write_checkpoint(model / f"{name}.pt", folder / "prepared" / "medical")
    archive = folder / f"{name}.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(model, arcname=name)
    return archive


def _write_checkpoint(path: Path, data: Path) -> None:
    """Write a checkpoint as fairseq did in 2019: settings as a namespace, no configuration."""
    arguments = [str(data), "--task", "translation", "--source-lang", "de", "--target-lang", "en"]
    arguments += ["--arch", "transformer_wmt_en_de_big", "--share-all-embeddings", "--dropout", "0.2"]
    arguments += ["--criterion", "label_smoothed_cross_entropy", "--optimizer", "adam", "--max-tokens", "3584"]
    for side, inner in (("encoder", ENCODER_INNER), ("decoder", DECODER_INNER)):
        arguments += [f"--{side}-embed-dim", str(WIDTH), f"--{side}-ffn-embed-dim", str(inner)]
        arguments += [f"--{side}-attention-heads", str(HEADS)]
    made = options.parse_args_and_arch(options.get_training_parser(), input_args=arguments)
    torch.manual_seed(5)
    weights = tasks.setup_task(made).build_model(made).state_dict()
    del weights["decoder.output_projection.weight"]  # then it was the embedding, under no name of its own
    plain = {name: value for name, value in vars(made).items() if isinstance(value, str | int | float | None)}
    state = {
        "args": argparse.Namespace(**plain),
        "model": weights,
        "optimizer_history": [{"optimizer_name": "FairseqAdam", "lr_scheduler_state": {"best": 9.0}, "num_updates": 1}],
        "last_optimizer_state": None,
        "extra_state": {"train_iterator": {"epoch": 1, "iterations_in_epoch": 0}, "val_loss": 9.0},
    }
    torch.save(state, path, _use_new_zipfile_serialization=False)


def _text_archive(folder: Path) -> Path:
    archive = folder / "data-bin.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted((folder / "prepared").glob("*/*")):
            if path.suffix in (".bin", ".idx") or path.name.startswith("dict."):
                packed.write(path, f"data-bin/{path.parent.name}/{path.name}")
        packed.writestr("data-bin/medical/preprocess.log", "what fairseq-preprocess said")
    return archive


@dataclass
class FileServer:
    """Serves `files` by name on 127.0.0.1, and cuts the first answer for each in the middle; honours Range.

    requests: of every one the file's name and from which byte on.
    """

    files: Mapping[str, Path]
    requests: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/{name}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                name = self.path.lstrip("/")
                if name not in server.files:
                    self.send_error(404)
                    return
                body = server.files[name].read_bytes()
                etag = f'"{hashlib.sha256(body).hexdigest()}"'
                wanted = self.headers.get("Range")
                start = int(wanted[len("bytes=") : -1]) if wanted and self.headers.get("If-Range", etag) == etag else 0
                first = name not in [requested for requested, _ in server.requests]
                server.requests.append((name, start))
                self.send_response(206 if start else 200)
                self.send_header("ETag", etag)
                self.send_header("Content-Length", str(len(body) - start))
                if start:
                    self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                self.end_headers()
                self.wfile.write(body[start : len(body) // 2] if first else body[start:])
                self.close_connection = first

            def log_message(self, *arguments: Any) -> None:
                pass

        return Handler
