"""Settings of the parallel text: where it comes from, and how it becomes the model's input."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from ink.config import values
from ink.config.languages import LanguagePair

Ratio = Annotated[
    Literal[0] | Annotated[float, Field(ge=1), values.AS_WRITTEN], Field(title="0, or a number of at least 1")
]
Generated = Literal["general", "medical", "law", "it", "koran"]
Adapted = Literal["medical", "law", "it", "koran"]


class SentenceCounts(values.Section):
    """Sentence pairs of every split."""

    model_config = ConfigDict(title="{train: ..., dev: ..., test: ...}")

    train: values.Pairs
    """Sentence pairs to train on."""
    dev: values.Pairs
    """Sentence pairs on which every choice is made."""
    test: values.Pairs
    """Sentence pairs that are scored and never chosen on."""


class SplitSizes(values.Section):
    """Sentence pairs of the splits that there are."""

    model_config = ConfigDict(title="a mapping with any of train, dev and test", json_schema_extra={"minProperties": 1})

    train: values.Pairs = values.optional()
    """Sentence pairs to train on."""
    dev: values.Pairs = values.optional()
    """Sentence pairs on which every choice is made."""
    test: values.Pairs = values.optional()
    """Sentence pairs that are scored and never chosen on."""


class Synthetic(values.Section):
    """With source: synthetic."""

    model_config = ConfigDict(title="a mapping")

    seed: values.Seed = 2023
    """Seed of the generator."""
    sentences: Annotated[dict[Generated, SentenceCounts], Field(min_length=1)]
    """Sentence pairs to generate, by domain and split."""
    in_general: dict[Adapted, values.Pairs] = {}
    """Of general's training pairs, how many are of another domain's kind of text, by domain: what the base model
    knows of the domains. They are drawn apart: none of their German sentences is in any domain's train, dev or test.
    {}: everyday text alone."""


class HeldOut(values.Section):
    """Sentence pairs held out of train where a domain has no dev or no test."""

    dev: values.Pairs = 2000
    """Sentence pairs of dev."""
    test: values.Pairs = 2000
    """Sentence pairs of test."""


class TrainSource(values.Section):
    """One of the sources that a domain's training text is put together from."""

    model_config = ConfigDict(title="a mapping")

    pattern: values.Path
    """Path of the source's two files, with {language} in it; {split} is train, {domain} the domain."""
    weight: values.Positive = values.optional()
    """Share of its pairs that is drawn, by the hash of split_seed and pair: 1 takes all of them, 0.5 half, 2 each
    twice."""
    sentences: values.Pairs = values.optional()
    """In place of weight: so many of its pairs are drawn; more than there are repeat them."""


Splits = Annotated[list[values.Split], Field(title="a list of train, dev and test", min_length=1), values.DISTINCT]
TrainSources = Annotated[
    list[TrainSource], Field(title="a list of mappings with pattern and weight, or pattern and sentences", min_length=1)
]


class Files(values.Section):
    """With source: files."""

    model_config = ConfigDict(title="a mapping")

    pattern: values.Path
    """Path of each file, with {domain}, {split} (train, dev or test) and {language} in it, seen from the folder in
    which the command runs."""
    splits: Annotated[dict[values.Domain, Splits], Field(min_length=1)]
    """The splits that exist, by domain. A dev or test that is missing is held out of train; without train a domain is
    scored, not adapted."""
    split_seed: values.Seed = 1
    """Seed of the choice of held-out sentences."""
    held_out: HeldOut = HeldOut()
    train_from: Annotated[dict[values.Domain, TrainSources] | None, Field(title="a mapping")] = values.optional()
    """Domains whose training text is put together from several sources in place of a file of their own, such as the
    general domain's, on which the base model is trained. Their dev and test are those of pattern, or held out of what
    is put together. {} or nothing: none."""


class BinarisedFolder(values.Section):
    """Where binarised text is."""

    folder: values.Path
    """Folder of a domain's dict.LANGUAGE.txt and {train,valid,test}.SOURCE-TARGET.LANGUAGE.{bin,idx}, with {domain}
    in it, seen from the folder in which the command runs."""


class Binarised(BinarisedFolder):
    """With source: binarised. Its dictionaries must be those of base_model; nothing is tokenised, dropped or held
    out.
    """

    model_config = ConfigDict(title="a mapping")

    sentences: Annotated[dict[values.Domain, SplitSizes], Field(min_length=1)]
    """Sentence pairs that each split must have, by domain; a split that is not named is not used. Without train a
    domain is scored, not adapted. Of the paper's text `ink download` asks for the same numbers."""


class DataSource(values.Section):
    """The kind of source that the text has."""

    source: Literal["synthetic", "files", "binarised"]
    """synthetic generates the embedded corpus; files reads your own text; binarised takes text over that
    fairseq-preprocess has binarised, where the raw text is not at hand."""


class Languages(values.Section):
    """The direction of translation."""

    source_language: values.Language
    """The language that is translated; its code as files' names have it, with a region or script or without."""
    target_language: values.Language
    """The language it is translated into; likewise."""

    @property
    def languages(self) -> LanguagePair:
        """Both of them."""
        return LanguagePair(self.source_language, self.target_language)


class GeneralDomain(values.Section):
    """The base model's own domain."""

    general_domain: values.Domain | None = None
    """What the base model was trained on. Adapted systems are scored on its test set too, outside Table 2. null with
    a base_model.path and without such a test set."""


class Data(GeneralDomain, Languages, DataSource):
    """Where the parallel text comes from."""

    synthetic: Synthetic | None = values.optional()
    files: Files | None = values.optional()
    binarised: Binarised | None = values.optional()


class Tokenisation(values.Section):
    """From raw text to tokens, and from tokens back."""

    source_tokeniser_language: values.Language = values.optional()
    """Required with a fairseq model, without effect with a Hugging Face model: language whose Moses rules split the
    source, as sacremoses' code, without region. A language of which it has no rules gets the English ones."""
    target_tokeniser_language: values.Language = values.optional()
    """Language whose Moses rules split and rejoin the target; likewise."""
    normalise_punctuation: bool = True
    """Moses punctuation normalisation before tokenisation."""
    aggressive_dash_splits: bool = True
    """Moses: split a-b into a @-@ b."""
    escape: bool = True
    """Moses: write & as &amp; and so on, where the base model has seen it so."""


class Merges(values.Section):
    """The subwords that are learned."""

    segmentation: Literal["bpe", "sentencepiece"] = "bpe"
    """How the subwords of a model that is trained here are learned and split: bpe, by subword-nmt after Moses'
    tokenisation; sentencepiece, a unigram model of raw text, for which the settings of Moses are without effect. Of a
    given model base_model.bpe_codes tells."""
    bpe_merges: values.Count | None = None
    """BPE merges learned on the general domain, both languages joined; with sentencepiece the pieces of its model. null
    where base_model.bpe_codes are given."""


class UnknownSubwords(values.Section):
    """What becomes of subwords that the dictionary lacks."""

    split_unknown_subwords: bool = True
    """Split a subword that the dictionary lacks into smaller ones that it has, as fastBPE does with a vocabulary;
    false leaves it to become <unk>."""


class MaxLength(values.Section):
    """How long training sentences may be."""

    max_length: Annotated[values.Count, values.Keyword("unit", "BPE tokens")] = 1023
    """Training pairs with more BPE tokens on either side are dropped; binarised text must have none. The default are
    the positions of the paper's base model without end of sentence; for raw text the released code has 250."""


class Lengths(MaxLength):
    """How long, and how uneven, training pairs may be."""

    max_length_ratio: Ratio = 0
    """Training pairs whose longer side has more than so many times the BPE tokens of the shorter are dropped; 0 drops
    none. For raw text the released code has 3.0."""


class Text(Lengths, UnknownSubwords, Merges, Tokenisation):
    """How raw text becomes the model's input, and the model's output raw text: exactly as the base model's training
    text was prepared, or BLEU falls. With a Hugging Face model, which has a tokeniser of its own, max_length and
    max_length_ratio alone have an effect.
    """
