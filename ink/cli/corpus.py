"""Commands that make and prepare text."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ink.cli import options
from ink.runtime.startup import work_begins

if TYPE_CHECKING:
    from ink.config.sections.base_system import BaseModelSource
    from ink.config.sections.parallel_text import BinarisedFolder

_summary_option = options.path("--summary", "Where to write the counts that Table 1 is made of (JSON).")
_references_option = options.path("--references", "Where to write the raw test references.")


@click.command("import-text")
@click.argument("memories", nargs=-1, type=options.PATH)
@click.option(
    "--text",
    "texts",
    nargs=2,
    multiple=True,
    type=options.PATH,
    metavar="SOURCE TARGET",
    help="Two text files, one segment a line; may be given several times.",
)
@click.option("--source-language", required=True, help="Code of the language to translate from, such as de.")
@click.option("--target-language", required=True, help="Code of the language to translate into.")
@click.option(
    "--msgid-language", default="en", show_default=True, help="Language of msgid, where a catalogue does not say."
)
@click.option("--dev", type=click.IntRange(min=0), default=1000, show_default=True, help="Pairs to choose on.")
@click.option("--test", type=click.IntRange(min=0), default=1000, show_default=True, help="Pairs to score.")
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of the choice of dev and test.")
@click.option(
    "--strip-accelerators",
    "accelerators",
    multiple=True,
    metavar="SIGN",
    help="Remove a sign such as &, _ or ~ where it marks an accelerator key; may be given several times.",
)
@options.path(
    "--apart-from",
    "Folder of another import, none of whose sources may be in this one; may be given several times.",
    required=False,
    multiple=True,
)
@options.path("--output", "Folder to write, whole or not at all; its name is the domain's.")
def import_text(
    memories: tuple[Path, ...],
    texts: tuple[tuple[Path, Path], ...],
    source_language: str,
    target_language: str,
    msgid_language: str,
    dev: int,
    test: int,
    seed: int,
    accelerators: tuple[str, ...],
    apart_from: tuple[Path, ...],
    output: Path,
) -> None:
    """Make train, dev and test of translation memories and catalogues.

    MEMORIES are TMX, gettext (.po) and XLIFF 1 files, and folders of them. What is written, OUTPUT/train.de and so on,
    is what data.files takes as {domain}/{split}.{language}. Fuzzy, obsolete and untranslated entries are left out;
    markup and placeholders stay.
    """
    from ink.config.languages import LanguagePair
    from ink.corpus.importing import Wanted, import_text

    if not memories and not texts:
        raise click.UsageError("name a TMX file, a catalogue or a folder of them, or two text files with --text")
    if wrong := [sign for sign in accelerators if len(sign) != 1 or sign.isalnum() or sign.isspace()]:
        raise click.BadParameter(f"{wrong[0]!r} is not one sign", param_hint="--strip-accelerators")
    source, target = _language(source_language, "--source-language"), _language(target_language, "--target-language")
    languages = LanguagePair(source, target)
    if languages[0] == languages[1]:
        raise click.BadParameter("is --source-language as well", param_hint="--target-language")
    wanted = Wanted(languages, {"dev": dev, "test": test}, seed, msgid_language, accelerators, apart_from)
    for line in import_text(memories, texts, wanted, output).lines(output, languages):
        click.echo(line)


def _language(code: str, option: str) -> str:
    """Return a language's code as files and configs have it: pt-BR as pt_br."""
    found = code.lower().replace("-", "_")
    if not re.fullmatch(r"[a-z]{2,3}(_[a-z0-9]+)*", found):
        raise click.BadParameter(f"{code!r} is no language code such as de or pt_br", param_hint=option)
    return found


@click.command("generate-corpus")
@options.config
@options.output
def generate_corpus(config: Path, output: Path) -> None:
    """Generate the synthetic corpus: a folder a domain under OUTPUT."""
    from ink.config.slices.text_slices import GenerationSettings
    from ink.corpus.own_text import write_corpus
    from ink.synthetic import generate

    data = options.load_settings(config, GenerationSettings).data
    _begin()
    synthetic = data.synthetic.plain()
    corpora = generate(synthetic["sentences"], synthetic["seed"], synthetic["in_general"])
    for domain, splits in corpora.items():
        write_corpus(output / domain, domain, splits, data.languages, "synthetic")


@click.command("ingest-corpus")
@options.config
@options.domain
@options.output
def ingest_corpus(config: Path, domain: str, output: Path) -> None:
    """Check a domain's own parallel text and bring it into the experiment."""
    from ink.config.slices.text_slices import IngestionSettings
    from ink.corpus.own_text import OwnFiles, ingest

    data = options.load_settings(config, IngestionSettings).data
    _begin()
    files = data.files
    train_from = [source.plain() for source in (files.train_from or {}).get(domain, ())]
    own = OwnFiles(files.pattern, files.splits[domain], train_from)
    ingest(own, domain, data.languages, output, files.split_seed, files.held_out.plain())


@click.command("restore-corpus")
@options.config
@options.domain
@options.output
def restore_corpus(config: Path, domain: str, output: Path) -> None:
    """Put a domain's binarised text back together as raw text."""
    from ink.config.slices.text_slices import RestorationSettings
    from ink.corpus.binarised import restore

    settings = options.load_settings(config, RestorationSettings)
    _begin()
    data = settings.data
    restore(
        _binarised_folder(data.binarised, domain),
        domain,
        settings.text,
        data.languages,
        data.binarised.sentences[domain].plain(),
        output,
    )


@click.command("learn-vocabulary")
@options.config
@options.corpus
@options.output
def learn_vocabulary(config: Path, corpus: Path, output: Path) -> None:
    """Learn BPE codes and the joint dictionary from a corpus's training text."""
    from ink.config.slices.text_slices import VocabularySettings
    from ink.corpus import vocabulary

    settings = options.load_settings(config, VocabularySettings)
    _begin("ink.corpus.segmentation", "subword_nmt.learn_bpe")
    data = settings.data
    vocabulary.learn_vocabulary(corpus, settings.text, data.languages, output)


@click.command("adopt-vocabulary")
@options.config
@options.output
def adopt_vocabulary(config: Path, output: Path) -> None:
    """Take over the BPE codes and dictionaries, or the tokeniser, of the base model that the config names."""
    from ink.config.domains import huggingface_folder
    from ink.config.slices.text_slices import GivenVocabularySettings
    from ink.corpus import vocabulary

    settings = options.load_settings(config, GivenVocabularySettings)
    _begin()
    given, data = settings.base_model, settings.data
    if (folder := huggingface_folder(given.plain())) is not None:
        from ink.nmt.huggingface.tokenisers import Languages
        from ink.nmt.huggingface.vocabulary_folder import make_vocabulary

        languages = Languages(given.source_code, given.target_code, given.tag)
        make_vocabulary(Path(folder), data.languages, languages, output)
    else:
        # which the config's checks have asked for
        codes, source, target = (Path(str(path)) for path in (given.bpe_codes, *_dictionaries(given)))
        vocabulary.adopt_vocabulary(codes, (source, target), data.languages, output)


@click.command("prepare-corpus")
@options.config
@options.corpus
@options.vocabulary
@options.output
@_summary_option
@_references_option
def prepare_corpus(config: Path, corpus: Path, vocabulary: Path, output: Path, summary: Path, references: Path) -> None:
    """Normalise, tokenise, segment, filter and binarise a domain's text."""
    from ink.config.slices.text_slices import PreparationSettings
    from ink.corpus.preparation import prepare
    from ink.nmt.text_loading import load_text

    settings = options.load_settings(config, PreparationSettings)
    _begin()
    data, chosen = settings.data, settings.text
    split_unknown = chosen.split_unknown_subwords
    text = load_text(vocabulary, chosen, data.languages, split_unknown=split_unknown)
    counts = prepare(corpus, vocabulary, chosen, data.languages, output, text)
    _write_results(counts, corpus, data.target_language, summary, references)


@click.command("adopt-corpus")
@options.config
@options.domain
@options.corpus
@options.vocabulary
@options.output
@_summary_option
@_references_option
def adopt_corpus(
    config: Path, domain: str, corpus: Path, vocabulary: Path, output: Path, summary: Path, references: Path
) -> None:
    """Take a domain's binarised text over as it is."""
    from ink.config.slices.text_slices import AdoptionSettings
    from ink.corpus.binarised import adopt

    settings = options.load_settings(config, AdoptionSettings)
    _begin()
    data = settings.data
    folder = _binarised_folder(data.binarised, domain)
    counts = adopt(folder, corpus, vocabulary, settings.text, data.languages, output)
    _write_results(counts, corpus, data.target_language, summary, references)


def _dictionaries(given: BaseModelSource) -> tuple[str | None, str | None]:
    return given.source_dictionary, given.target_dictionary


def _begin(*modules: str) -> None:
    """Begin the work: what it imports when it needs it is imported now, for that is start-up."""
    for module in modules:
        importlib.import_module(module)
    work_begins()


def _binarised_folder(binarised: BinarisedFolder, domain: str) -> Path:
    return Path(binarised.folder.format(domain=domain))


def _write_results(counts: Mapping[str, Any], corpus: Path, language: str, summary: Path, references: Path) -> None:
    from ink.runtime.whole_files import read_lines, write_json, write_lines

    write_lines(references, read_lines(corpus / f"test.{language}"))
    write_json(summary, counts)
