"""Computing explanations: beam search finds the translation, a second pass over it finds what it was made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ink.combiners.knn_mixture import KnnMixture
from ink.config.slices.result_slices import TranslationSettings
from ink.corpus.prepared_corpus import PreparedCorpus
from ink.datastore.search import Neighbours
from ink.nmt.beam_search import Translation
from ink.nmt.device import device_of
from ink.runtime.errors import InkError
from ink.systems.known_systems import OWN_SYSTEMS, SYSTEMS, always_searching, system_named
from ink.systems.layout import Layout
from ink.systems.systems_of_experiment import check_exists
from ink.tools.explanation.decomposition import Decomposition, decompose_translation
from ink.tools.explanation.explanation import ExplainedSystem, Explanation, Neighbour, Piece, Token
from ink.tools.explanation.subwords import END, Subword, as_words, subwords
from ink.tools.explanation.training_pairs import TrainingPairs
from ink.tools.translation.lines import Line
from ink.tools.translation.translator import Translator, load_translator

# Beam search goes token by token and the second pass does not: rounding may change which entries an approximate index
# finds last, not what a reader makes of them. Beyond this difference of log p, a reader is told.
NOTICEABLE = 0.01


class Explainer:
    """Explains the translations of a system that retrieves.

    mixture: the translator's own. The translator's `warn` is told, with the line's number, of what is not explained.
    """

    def __init__(self, translator: Translator, mixture: KnnMixture, pairs: TrainingPairs) -> None:
        self.translator = translator
        self.mixture = mixture
        self.pairs = pairs
        self.warn = translator.warn
        self.model = translator.model

    def explain(self, lines: Sequence[Line], shown: int | None = None) -> list[Explanation]:
        """Explain lines, translated together as `Translator.translate` does.

        `shown`: how many neighbours of a token are described, by default all. A line that is not UTF-8 or has no text
        is named and left out.
        """
        pieces = [self._pieces(line) for line in lines]
        explained: list[Explanation] = []
        for line, own, found in zip(lines, pieces, self.translator.search_lines(pieces), strict=True):
            if own:
                parts = tuple(self._piece(line, piece, best[0], shown) for piece, best in zip(own, found, strict=True))
                translation = " ".join(part.translation for part in parts)
                score = sum(part.score for part in parts) / len(parts)
                explained.append(Explanation(line.number, line.text or "", translation, score, parts))
        return explained

    def _pieces(self, line: Line) -> list[list[str]]:
        if line.text is None:
            self.warn(f"line {line.number}: {line.problem}; left out")
            return []
        pieces = self.translator.pieces(line)
        if not pieces:
            self.warn(f"line {line.number}: empty, nothing to explain; left out")
        return pieces

    def _piece(self, line: Line, piece: Sequence[str], hypothesis: Translation, shown: int | None) -> Piece:
        source = self.translator.encode(piece).to(device_of(self.model.network))
        target = hypothesis.tokens.to(source)
        neighbours, parts = decompose_translation(self.model, self.mixture, source, target)
        searched = float(hypothesis.token_log_probs.double().sum())
        difference = abs(float(parts.log_p.sum()) - searched)
        if difference > NOTICEABLE:
            self.warn(
                f"line {line.number}: log p of the translation is {difference:.2g} off that of beam search, which goes "
                "token by token: rounding, or other neighbours at the edge of the index"
            )
        words = [self.model.target_vocabulary.token(int(token)) for token in target[:-1]]
        tokens = [
            self._token(number, subword, int(target[number]), neighbours, parts, shown)
            for number, subword in enumerate([*self._subwords(words), END])
        ]
        text = as_words(self._subwords(piece))
        return Piece(text, self.translator.decode(target), float(hypothesis.score), tuple(tokens))

    def _subwords(self, tokens: Sequence[str]) -> list[Subword]:
        return subwords(tokens, escaped=self.pairs.escaped, marks=self.pairs.marks)

    def _token(
        self,
        number: int,
        subword: Subword,
        chosen: int,
        neighbours: Neighbours,
        parts: Decomposition,
        shown: int | None,
    ) -> Token:
        """Describe the token at position `number`, whose number in the vocabulary is `chosen`."""
        # the index may have found fewer than k
        present = neighbours.ids[number] >= 0
        ids, distances = neighbours.ids[number][present], neighbours.distances[number][present]
        agrees, shares = neighbours.values[number][present] == chosen, parts.shares[number][present]
        columns = zip(distances[:shown], shares[:shown], agrees[:shown], ids[:shown], strict=True)
        described = tuple(
            Neighbour(float(distance), float(share), bool(agree), self.pairs.occurrence(int(entry)))
            for distance, share, agree, entry in columns
        )
        return Token(
            subword,
            float(parts.log_p[number].exp()),
            float(parts.p_knn[number]),
            float(parts.p_nmt[number]),
            float(parts.interpolation[number]),
            described,
            len(ids),
            int(agrees.sum()),
            float(shares[len(described) :].sum()),
        )


def load_explainer(
    layout: Layout,
    settings: TranslationSettings,
    system: str,
    domain: str,
    seed: int | None,
    warn: Callable[[str], None],
) -> tuple[Explainer, ExplainedSystem]:
    """Load the system that an experiment has trained for a domain, with its training text.

    Raises InkError where it does not retrieve, naming those that do, or has not been trained.
    """
    config = layout.config
    check_exists(config, system)
    known = system_named(system)
    if not known.retrieves:
        retrieving = [name for name in [*SYSTEMS, *config[OWN_SYSTEMS]] if system_named(name).retrieves]
        lacking = "does not retrieve while it translates, so that it has no neighbours to explain"
        if known.by_sentence:
            lacking = "drops a sentence's datastore once that is translated, and keeps no neighbours to explain"
        raise InkError(
            f"{known.label} {lacking}; systems that do: {', '.join(retrieving)}",
            code="translation/no-retrieval",
        )
    if known.strategy is not None:
        always, _ = always_searching(system)
        rarely = "searches a part of the datastore" if known.by_source_tokens else "does not search for every token"
        raise InkError(
            f"{known.label} {rarely}; explain {always}, which is the same system otherwise",
            code="translation/no-retrieval",
        )
    translator = load_translator(layout, settings, system, domain, seed, warn)
    mixture = translator.system.mixture
    if not isinstance(mixture, KnnMixture):
        raise TypeError(f"{system} retrieves, but was put together without a datastore")
    languages = settings.data.languages
    pairs = TrainingPairs(
        mixture.searcher.datastore,
        PreparedCorpus(Path(layout.data(domain)), languages),
        Path(layout.corpus(domain)),
        escaped=translator.text.escaped,
        marks=translator.text.marks,
    )
    chosen = (config["seeds"][0] if seed is None else seed) if known.is_trained else None
    about = ExplainedSystem(config["experiment"], known.label, system, domain, chosen, mixture.combiner.k, *languages)
    return Explainer(translator, mixture, pairs), about
