"""Language codes go as far as the libraries take them, and BLEU's tokeniser is one that knows the target's words."""

from __future__ import annotations

import copy
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from sacremoses import MosesDetokenizer, MosesTokenizer
from sacremoses.corpus import NonbreakingPrefixes

from ink.config import check, load
from ink.config.languages import MOSES, TOKENISERS, LanguagePair, language_of
from ink.corpus.own_text import OwnFiles, ingest
from ink.corpus.preparation import prepare
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.metrics.score_files import score_translations
from ink.nmt.model_loading import BaseModelFiles
from ink.runtime.errors import InkError

OWN_CORPUS = load(Path(__file__).resolve().parents[2] / "config" / "own-corpus.yaml")


def config_with(target: str = "en", tokeniser: str = "13a", **text: str) -> dict[str, Any]:
    config = copy.deepcopy(OWN_CORPUS)
    config["data"]["target_language"] = target
    config["evaluation"]["sacrebleu_tokeniser"] = tokeniser
    config["text"] |= text
    return config


@pytest.mark.failure(
    "Config",
    "a target language without blanks between words, or Korean, with evaluation.sacrebleu_tokeniser 13a",
    "`evaluation.sacrebleu_tokeniser: found 13a; allowed: zh (or char, flores101, flores200, spBLEU-1K), since "
    "data.target_language is zh, of which 13a does not tell the words apart "
    "[config/impossible-combination]`, before the first job",
)
def test_a_tokeniser_that_does_not_know_the_target_s_words_is_refused_with_the_right_one() -> None:
    for language, found, right in (
        *(("zh", "13a", "zh"), ("zh-CN", "intl", "zh"), ("zho_Hant", "none", "zh"), ("yue", "13a", "zh")),
        *(("ja", "13a", "ja-mecab"), ("jpn_Jpan", "intl", "ja-mecab"), ("ja", "zh", "ja-mecab")),
        *(("ko", "13a", "ko-mecab"), ("ko-KR", "none", "ko-mecab"), ("th", "13a", "flores200")),
        *(("lo", "intl", "flores200"), ("km", "none", "flores200"), ("mya_Mymr", "13a", "flores200")),
        ("bod_Tibt", "13a", "flores200"),
    ):
        with pytest.raises(InkError) as refused:
            check(config_with(language, found))
        message = str(refused.value)
        allowed = re.search(rf"sacrebleu_tokeniser: found {found}; allowed: (\S+) \(or (.+)\), since", message)
        assert allowed is not None and allowed.group(1) == right, message
        assert f"data.target_language is {language}, of which {found} does not" in message
        for advised in (right, *allowed.group(2).split(", ")):
            check(config_with(language, advised))


def test_the_language_of_moses_rules_counts_where_the_files_have_another_name() -> None:
    with pytest.raises(InkError, match=r"allowed: ja-mecab .* since text\.target_tokeniser_language is ja"):
        check(config_with("tgt", target_tokeniser_language="ja"))


def test_languages_with_blanks_keep_13a_and_get_no_other_language_s_tokeniser() -> None:
    for language in ("nl", "en", "pt_BR", "srp_Cyrl", "vi", "ar", "hi", "tr"):
        check(config_with(language))
        check(config_with(language, "char"))
        for tokeniser in ("ja-mecab", "ko-mecab"):
            with pytest.raises(InkError, match=rf"found {tokeniser}; allowed: 13a, intl or another"):
                check(config_with(language, tokeniser))


def test_what_is_refused_would_have_said_nothing() -> None:
    """A translation of which one character in fifteen is wrong."""
    hypotheses, references = ["我们今天去学校，明天再去图书馆。"], ["我们今天去学校，后天再去图书馆。"]
    assert score_translations(hypotheses, references, "13a")["bleu"]["score"] == 0
    assert score_translations(hypotheses, references, TOKENISERS["zh"])["bleu"]["score"] > 70


@pytest.mark.failure(
    "Config",
    "a language code with region or script for Moses' rules, or of three letters: zh-CN, deu_Latn, pt_BR, ger",
    "`text.source_tokeniser_language: found zh-CN; allowed: sacremoses' codes, which have no region or script: write "
    "zh`; as data.source_language, such codes are taken",
)
def test_moses_codes_are_short_and_the_one_to_write_is_named() -> None:
    for found, right in (
        *(("zh-CN", "zh"), ("deu_Latn", "de"), ("pt_BR", "pt"), ("ger", "de"), ("DE", "de"), ("en-GB", "en")),
        *(("cz", "cs"), ("jpn", "ja"), ("tr-TR", "tr"), ("fre", "fr")),
    ):
        with pytest.raises(InkError, match=rf"source_tokeniser_language: found {found}; allowed: .*: write {right}$"):
            check(config_with(source_tokeniser_language=found))
        check(config_with(source_tokeniser_language=right))


def test_the_languages_of_moses_are_those_of_sacremoses() -> None:
    cjk = {"ja", "ko", "cjk"}  # which differ in their characters alone
    assert set(NonbreakingPrefixes().available_langs.values()) | cjk == MOSES
    assert all(language_of(language) == language for language in MOSES)
    for language in ("yue", "mni", "cjk"):
        assert MosesTokenizer(lang=language) and MosesDetokenizer(lang=language)


def test_data_of_regional_codes_is_ingested_prepared_and_loaded(tiny: Any, tmp_path: Path) -> None:
    codes = ("deu_Latn", "zh-CN")
    for own, code in zip(tiny.languages, codes, strict=True):
        for split in ("train", "dev", "test"):
            shutil.copy(tiny.corpus / f"{split}.{own}", tmp_path / f"koran.{split}.{code}")
        (tmp_path / "vocabulary").mkdir(exist_ok=True)
        shutil.copy(tiny.vocabulary / f"dict.{own}.txt", tmp_path / "vocabulary" / f"dict.{code}.txt")
    shutil.copy(tiny.vocabulary / "bpecodes", tmp_path / "vocabulary")
    pattern, splits = str(tmp_path / "{domain}.{split}.{language}"), ["train", "dev", "test"]
    ingest(OwnFiles(pattern, splits), "koran", LanguagePair(*codes), tmp_path / "corpus", 1, {})
    prepare(tmp_path / "corpus", tmp_path / "vocabulary", tiny.settings.text, LanguagePair(*codes), tmp_path / "data")
    model = BaseModelFiles(tiny.base_model, tmp_path / "vocabulary", LanguagePair(*codes)).load()
    assert len(model.parallel_text(PreparedCorpus(tmp_path / "data", LanguagePair(*codes)), "train")) == 60
