"""What can be downloaded: for each artefact what it is, where from, how large, under which licence, where it goes."""

from __future__ import annotations

from dataclasses import dataclass

_HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Artefact:
    """One file to download.

    size: as its source says, None where it does not. licence: what its source states about it, or "not stated".
    file: where it goes, below downloads/. unpacked: the folder there into which the file is unpacked, None for a file
    that is used as it is. holds: patterns that the unpacked folder must match. domains: of binarised text in it, whose
    sentence pairs must be as many as the config says, or else the paper's Table 1.
    """

    name: str
    what: str
    url: str
    size: str | None
    licence: str
    file: str
    unpacked: str | None = None
    holds: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


ARTEFACTS = {
    artefact.name: artefact
    for artefact in (
        Artefact(
            name="wmt19_model",
            what="the base model: WMT'19 German-English, single model (Ng et al., 2019), dictionaries and BPE codes",
            url="https://dl.fbaipublicfiles.com/fairseq/models/wmt19.de-en.ffn8192.tar.gz",
            size=None,
            licence="MIT, as stated at the source (fairseq's README, for its pre-trained models)",
            file="wmt19.de-en.ffn8192.tar.gz",
            unpacked="wmt19_model",
            holds=("dict.de.txt", "dict.en.txt", "*.pt", "*.code"),
        ),
        Artefact(
            name="multi_domain_data",
            what="the four OPUS domains of Aharoni and Goldberg (2020), binarised by Zheng et al. (2021)",
            url="https://drive.google.com/file/d/18TXCWzoKuxWKHAaCRgddd6Ub64klrVhV",
            size=None,
            licence="not stated",
            file="data-bin.zip",
            unpacked="multi_domain_data",
            holds=("data-bin/medical", "data-bin/law", "data-bin/it", "data-bin/koran"),
            domains=("medical", "law", "it", "koran"),
        ),
        Artefact(
            name="comet_model",
            what="COMET's model Unbabel/wmt20-comet-da, its checkpoint",
            url=f"{_HUB}/Unbabel/wmt20-comet-da/resolve/main/checkpoints/model.ckpt",
            size="2.33 GB",
            licence="Apache-2.0, as stated at the source",
            file="wmt20-comet-da/checkpoints/model.ckpt",
        ),
        Artefact(
            name="comet_settings",
            what="COMET's model Unbabel/wmt20-comet-da, its settings, which COMET reads beside the checkpoint's folder",
            url=f"{_HUB}/Unbabel/wmt20-comet-da/resolve/main/hparams.yaml",
            size="437 bytes",
            licence="Apache-2.0, as stated at the source",
            file="wmt20-comet-da/hparams.yaml",
        ),
        Artefact(
            name="comet_encoder_settings",
            what="the encoder inside COMET's model, xlm-roberta-large, its settings (its weights are COMET's)",
            url=f"{_HUB}/FacebookAI/xlm-roberta-large/resolve/main/config.json",
            size="616 bytes",
            licence="MIT, as stated at the source",
            file="xlm-roberta-large/config.json",
        ),
        Artefact(
            name="comet_encoder_tokeniser",
            what="the encoder inside COMET's model, xlm-roberta-large, its tokeniser",
            url=f"{_HUB}/FacebookAI/xlm-roberta-large/resolve/main/tokenizer.json",
            size="9.1 MB",
            licence="MIT, as stated at the source",
            file="xlm-roberta-large/tokenizer.json",
        ),
    )
}
