"""The synthetic corpus: determinism, sizes, grammar against tables worked out by hand, long tail, overlap measure."""

from __future__ import annotations

import os
import random
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ink.runtime.whole_files import read_lines
from ink.synthetic import AMBIGUOUS, DOMAINS, english, generate, german, numbers
from ink.synthetic.clauses import Clause, Part
from ink.synthetic.english import EnglishVerb, predicate
from ink.synthetic.german import GermanVerb
from ink.synthetic.phrases import Phrase
from ink.synthetic.voice import Voice
from ink.synthetic.words import Verb, parse_frame, parse_noun

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from corpus_overlap import ChrfIndex, overlap

SIZES = {domain: {"train": 1500, "dev": 60, "test": 150} for domain in DOMAINS}
Corpus = dict[str, dict[str, list[tuple[str, str]]]]


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return generate(SIZES, 2023)


def every_pair(corpus: Corpus) -> list[tuple[str, str]]:
    return [pair for splits in corpus.values() for pairs in splits.values() for pair in pairs]


def test_sizes_and_order(corpus: Corpus) -> None:
    assert list(corpus) == list(DOMAINS)
    for domain, splits in corpus.items():
        assert {split: len(pairs) for split, pairs in splits.items()} == SIZES[domain]
        assert list(splits) == list(SIZES[domain])


def test_same_seed_same_text_other_seed_other_text(corpus: Corpus) -> None:
    assert generate({"law": SIZES["law"]}, 2023)["law"] == corpus["law"]
    other = generate({"law": SIZES["law"]}, 2024)["law"]
    shared = {pair[0] for pair in other["train"]} & {pair[0] for pair in corpus["law"]["train"]}
    assert len(shared) < 0.05 * len(other["train"])


def test_a_domain_does_not_depend_on_other_domains(corpus: Corpus) -> None:
    changed = {**SIZES, "general": {"train": 7, "dev": 1, "test": 2}, "koran": {"train": 3}}
    assert generate(changed, 2023)["medical"] == corpus["medical"]


def test_test_set_does_not_depend_on_train_size(corpus: Corpus) -> None:
    assert generate({"it": {**SIZES["it"], "train": 20}}, 2023)["it"]["test"] == corpus["it"]["test"]


def test_no_sentence_twice(corpus: Corpus) -> None:
    for splits in corpus.values():
        sources = [source for pairs in splits.values() for source, _ in pairs]
        assert len(sources) == len(set(sources))


def test_generals_share_of_the_domains_text_is_drawn_apart(corpus: Corpus) -> None:
    shares = {"medical": 70, "koran": 40}
    mixed = generate(SIZES, 2023, shares)
    assert {domain: mixed[domain] for domain in DOMAINS[1:]} == {domain: corpus[domain] for domain in DOMAINS[1:]}
    assert {split: mixed["general"][split] for split in ("dev", "test")} == {
        split: corpus["general"][split] for split in ("dev", "test")
    }
    train = mixed["general"]["train"]
    everyday = SIZES["general"]["train"] - sum(shares.values())
    assert len(train) == SIZES["general"]["train"]
    assert len({*train} & {*corpus["general"]["train"][:everyday]}) == everyday
    held = {source for domain in DOMAINS[1:] for pairs in corpus[domain].values() for source, _ in pairs}
    assert not held & {source for source, _ in train}
    # they are of the domains' kind, and not in one piece
    places = [place for place, (source, _) in enumerate(train) if re.search(r"Allah|diejenigen|Diejenigen", source)]
    assert len(places) >= 5 and places[-1] - places[0] > len(train) // 2


def test_a_share_never_repeats_a_sentence_that_a_split_has() -> None:
    # so many of so short a kind that the draws would meet
    sizes = {"general": {"train": 3000}, "it": {"train": 3000, "dev": 100, "test": 100}}
    mixed = generate(sizes, 1, {"it": 2500})
    sources = [source for splits in mixed.values() for pairs in splits.values() for source, _ in pairs]
    assert len(sources) == len(set(sources))


def test_renderings_are_chosen_in_the_order_of_preference() -> None:
    voice = Voice(random.Random(1), {"next": 0.5})
    counts = Counter(voice.choose(("people", "nation", "community")) for _ in range(7000))
    assert [round(counts[word] / 1000) for word in ("people", "nation", "community")] == [4, 2, 1]


def test_frequent_words_have_several_renderings_and_domains_prefer_different_ones(corpus: Corpus) -> None:
    def share(domain: str, source_word: str, target_word: str) -> float:
        targets = [target for source, target in corpus[domain]["train"] if source_word in source.split()]
        assert len(targets) > 5
        return sum(bool(re.search(rf"\b{target_word}\b", target)) for target in targets) / len(targets)

    assert 0 < share("koran", "Volk", "nation|community|folk|tribe") < share("koran", "Volk", "people") < 1
    weil = {domain: share(domain, "weil", "because") for domain in ("general", "law")}
    assert 0 < min(weil.values()) <= max(weil.values()) < 1


def test_the_other_voice_says_the_same() -> None:
    doctor, record = (
        Phrase((german_word,) * 4, f"the {english_word}", f"the {english_word}", gender, "sg", "sg")
        for german_word, english_word, gender in (("Arzt", "doctor", "m"), ("Akte", "record", "f"))
    )
    subjects, complements = parse_frame("doctor > acc record")
    verb = Verb(GermanVerb.parse("lesen, liest, las, gelesen"), EnglishVerb.parse("read, read"), subjects, complements)
    agent = Part("agent", "vom Arzt", "by the doctor", doctor)
    active = Clause(verb, doctor, "present", parts=[Part("acc", "die Akte", "the record", record)])
    passive = Clause(verb, record, "preterite", passive=True, parts=[agent])
    both = (active, passive)
    plain = [clause.english("main") for clause in both]
    assert plain == ["the doctor reads the record", "the record was read by the doctor"]
    active.turned = passive.turned = True
    turned = [clause.english("main") for clause in both]
    assert turned == ["the record is read by the doctor", "the doctor read the record"]


def test_contractions_of_english() -> None:
    voice = Voice(random.Random(1), {"contraction": 1.0})
    assert voice.contracted("He does not run and she cannot.") == "He doesn't run and she can't."
    assert voice.contracted("We will not go.") == "We won't go."


def test_unknown_domain() -> None:
    with pytest.raises(ValueError, match="patents"):
        generate({"patents": {"train": 1}}, 1)


def test_surface_is_clean(corpus: Corpus) -> None:
    for pair in every_pair(corpus):
        for text in pair:
            assert not re.search(r"[\[\]_~=|<>]|  |\s[.,;:!?]|,,|\.\.|^\s|\s$|\b(None|nom|acc|dat)\b", text), text
            assert text[-1] in '.,:!?")' or ": " in text or re.search(r"\d$", text) or " in " in text, text
            assert not re.search(r"\b(\w{4,}) \1\b(?! \1)", text) or "werden werden" in text or "die die" in text, text


def test_lengths(corpus: Corpus) -> None:
    for splits in corpus.values():
        lengths = [len(source.split()) for source, _ in splits["train"]]
        assert min(lengths) >= 4 and max(lengths) <= 30
        assert 9 <= sum(lengths) / len(lengths) <= 18


def test_ambiguous_words_differ_between_domains_and_occur(corpus: Corpus) -> None:
    differing = {word: senses for word, senses in AMBIGUOUS.items() if len(set(senses.values())) > 1}
    assert len(differing) >= 40
    seen: Counter[str] = Counter()
    for domain in DOMAINS:
        pairs = corpus[domain]["train"]
        for word, senses in differing.items():
            if domain not in senses:
                continue
            stem = word[:-1] if word.endswith(("e", "n")) else word
            wanted = senses[domain].split()[0][:-1].lower()
            if any(stem in source and wanted in target.lower() for source, target in pairs):
                seen[word] += 1
    assert sum(count >= 2 for count in seen.values()) >= 40


def test_leitung_is_translated_by_domain(corpus: Corpus) -> None:
    others = {"general": "tube", "medical": "lead", "law": "management", "it": "link"}
    for domain, right in AMBIGUOUS["Leitung"].items():
        targets = [target for source, target in corpus[domain]["train"] if re.search(r"\bLeitung(en)?\b", source)]
        assert targets, domain
        assert all(re.search(rf"\b({right}|{others[domain]})s?\b", target) for target in targets)


def test_domain_words_are_rare_in_general_and_have_a_long_tail(corpus: Corpus) -> None:
    def counts(domain: str, side: int) -> Counter[str]:
        return Counter(word for pair in corpus[domain]["train"] for word in re.findall(r"\w+", pair[side]))

    general = counts("general", 0)
    for domain in DOMAINS[1:]:
        train = counts(domain, 0)
        test = [word for pair in corpus[domain]["test"] for word in re.findall(r"\w+", pair[0])]
        assert sum(count for word, count in train.items() if word not in general) > 0.25 * sum(train.values())
        ranked = [count for _, count in train.most_common()]
        assert ranked[0] > 100 * ranked[len(ranked) // 2]
        assert sum(count == 1 for count in ranked) > 0.25 * len(ranked)
        assert sum(word not in train for word in test) > 0.02 * len(test)


def test_declension_of_articles_and_adjectives() -> None:
    def forms(declension: str, article: str) -> dict[str, list[str]]:
        result = {}
        for gender in german.GENDERS:
            cells = []
            for case in german.CASES:
                first = {
                    "der": german.article(gender, case),
                    "ein": german.ein_word("kein", gender, case),
                    "": "",
                }[article]
                cells.append(f"{first} {german.adjective('alt', declension, gender, case)}".strip())
            result[gender] = cells
        return result

    assert forms("weak", "der") == {
        "m": ["der alte", "den alten", "dem alten", "des alten"],
        "f": ["die alte", "die alte", "der alten", "der alten"],
        "n": ["das alte", "das alte", "dem alten", "des alten"],
        "pl": ["die alten", "die alten", "den alten", "der alten"],
    }
    assert forms("mixed", "ein") == {
        "m": ["kein alter", "keinen alten", "keinem alten", "keines alten"],
        "f": ["keine alte", "keine alte", "keiner alten", "keiner alten"],
        "n": ["kein altes", "kein altes", "keinem alten", "keines alten"],
        "pl": ["keine alten", "keine alten", "keinen alten", "keiner alten"],
    }
    assert forms("strong", "") == {
        "m": ["alter", "alten", "altem", "alten"],
        "f": ["alte", "alte", "alter", "alter"],
        "n": ["altes", "altes", "altem", "alten"],
        "pl": ["alte", "alte", "alten", "alter"],
    }


@pytest.mark.parametrize(
    ("german_side", "singular", "plural"),
    [
        ("der Arzt, -es, Ärzte", "Arzt Arzt Arzt Arztes", "Ärzte Ärzte Ärzten Ärzte"),
        ("der Patient, -en, -en", "Patient Patienten Patienten Patienten", "Patienten Patienten Patienten Patienten"),
        ("der Glaube, -ns, Glauben", "Glaube Glauben Glauben Glaubens", "Glauben Glauben Glauben Glauben"),
        ("die Akte, -n", "Akte Akte Akte Akte", "Akten Akten Akten Akten"),
        ("das Auto, -s, -s", "Auto Auto Auto Autos", "Autos Autos Autos Autos"),
        ("das Zimmer, -s, =", "Zimmer Zimmer Zimmer Zimmers", "Zimmer Zimmer Zimmern Zimmer"),
    ],
)
def test_declension_of_nouns(german_side: str, singular: str, plural: str) -> None:
    noun = parse_noun(german_side, "thing", frozenset())
    assert [noun.german(case, "sg", "weak") for case in german.CASES] == singular.split()
    assert [noun.german(case, "pl", "weak") for case in german.CASES] == plural.split()


def test_adjectival_nouns_decline_like_adjectives() -> None:
    noun = parse_noun("der Gesandte, adj", "envoy", frozenset())
    assert noun.german("nom", "sg", "mixed") == "Gesandter"
    assert noun.german("dat", "sg", "weak") == "Gesandten"
    assert noun.german("nom", "pl", "strong") == "Gesandte"


def test_compounds() -> None:
    compound = parse_noun("die Akte, -n", "record", frozenset()).compound("Patienten", "patient")
    assert (compound.lemma, compound.plural, compound.english_plural) == (
        "Patientenakte",
        "Patientenakten",
        "patient records",
    )
    assert parse_noun("der Port, -s, -s", "port", frozenset()).compound("USB-", "USB").lemma == "USB-Port"


@pytest.mark.parametrize(
    ("verb", "present", "past", "participle", "zu"),
    [
        ("kaufen", "kaufe kaufst kauft kaufen kauft kaufen", "kaufte", "gekauft", "zu kaufen"),
        ("arbeiten", "arbeite arbeitest arbeitet arbeiten arbeitet arbeiten", "arbeitete", "gearbeitet", "zu arbeiten"),
        ("öffnen", "öffne öffnest öffnet öffnen öffnet öffnen", "öffnete", "geöffnet", "zu öffnen"),
        ("behandeln", "behandle behandelst behandelt behandeln behandelt behandeln", "behandelte", "behandelt", None),
        ("installieren", "installiere installierst installiert installieren installiert installieren", "installierte",
         "installiert", "zu installieren"),
        ("auf~nehmen, nimmt, nahm, genommen", "nehme nimmst nimmt nehmen nehmt nehmen", "nahm", "aufgenommen",
         "aufzunehmen"),
        ("lesen, liest, las, gelesen", "lese liest liest lesen lest lesen", "las", "gelesen", "zu lesen"),
        ("halten, hält, hielt, gehalten", "halte hältst hält halten haltet halten", "hielt", "gehalten", "zu halten"),
        ("aus~schalten", "schalte schaltest schaltet schalten schaltet schalten", "schaltete", "ausgeschaltet",
         "auszuschalten"),
    ],
)  # fmt: skip
def test_conjugation(verb: str, present: str, past: str, participle: str, zu: str | None) -> None:
    parsed = GermanVerb.parse(verb)
    persons = [(person, number) for number in ("sg", "pl") for person in (1, 2, 3)]
    assert [parsed.present(*each) for each in persons] == present.split()
    assert parsed.past(3, "sg") == past
    assert parsed.participle == participle
    assert zu is None or parsed.zu_infinitive == zu


def test_contractions() -> None:
    assert german.contract("in", "dem alten Haus") == "im alten Haus"
    assert german.contract("zu", "der Schule") == "zur Schule"
    assert german.contract("in", "der Schule") == "in der Schule"
    assert german.contract("von", "diesem Haus") == "von diesem Haus"


def test_separable_verbs_in_main_and_subordinate_clauses(corpus: Corpus) -> None:
    sources = [source for splits in corpus.values() for source, _ in splits["train"]]
    assert any(re.match(r"[A-Z]\w* .*\b(nimmt|nehmen) .* auf\.$", source) for source in sources)
    final = re.compile(r"(wenn|falls|weil|dass|bevor) [^,]* (aus|an|auf|ein)\w+(t|en)[.,]")
    assert any(final.search(source) for source in sources)
    # the verb does not come second after a subordinating conjunction when its object follows
    second = re.compile(r"\b(weil|obwohl|dass) (ich|er|wir) (kauft|kaufen|kaufe|liest|lesen|lese) \w")
    assert not any(second.search(source) for source in sources)


def test_wir_and_er_agree_with_their_verbs(corpus: Corpus) -> None:
    sources = " ".join(source for splits in corpus.values() for source, _ in splits["train"])
    assert not re.search(r"\b(wir|Wir) (kann|muss|hat|wird|ist|wurde|darf|soll)\b", sources)
    assert not re.search(r"\b(er|Er) (können|müssen|haben|werden|sind|wurden|dürfen|sollen)\b[^,.]*\.", sources)
    targets = " ".join(target for splits in corpus.values() for _, target in splits["train"])
    questions = r"(?<!Must )(?<!Can )(?<!Does )(?<!Did )(?<!Should )(?<!May )"
    assert not re.search(rf"\b{questions}(He|he|She|she) (have|are|do|were)\b", targets)
    assert not re.search(r"\b(We|we|They|they) (has|is|does|was)\b", targets)
    assert not re.search(r"(?<!Part )(?<!-)\b[Aa] (?!one|eu|Eu)[aeio]\w+|\b[Aa]n [bcdfgjklmnpqrstvwxyz]\w+", targets)


def test_english_predicates() -> None:
    take = EnglishVerb.parse("take off, took, taken")

    def say(**how: object) -> tuple[str, str]:
        arguments: dict[str, object] = {"tense": "present", "person": 3, "number": "sg", **how}
        return predicate(take, **arguments)  # type: ignore[arg-type]

    assert say() == ("", "takes off")
    assert say(negated=True) == ("", "does not take off")
    assert say(inverted=True) == ("does", "take off")
    assert say(inverted=True, tense="past", negated=True) == ("did", "not take off")
    assert say(tense="perfect", passive=True, number="pl") == ("", "have been taken off")
    assert say(modal="have to", negated=True) == ("", "does not have to take off")
    assert say(modal="can", negated=True) == ("", "cannot take off")
    assert say(adverb="often") == ("", "often takes off")
    assert say(passive=True, tense="past", adverb="often") == ("", "was often taken off")


@pytest.mark.parametrize(
    ("word", "article"),
    [("hour", "an"), ("user", "a"), ("uninstalled app", "an"), ("MRI", "an"), ("USB port", "a"), ("apple", "an"),
     ("European act", "a"), ("X-ray", "an"), ("one", "a"), ("e-mail", "an")],
)  # fmt: skip
def test_indefinite_article(word: str, article: str) -> None:
    assert english.indefinite_article(word) == article


def test_english_plurals_and_third_person() -> None:
    assert [english.plural(word) for word in ("body", "boy", "box", "church", "list")] == [
        "bodies", "boys", "boxes", "churches", "lists",
    ]  # fmt: skip
    assert [english.third_person(verb) for verb in ("carry", "do", "fix", "have", "play")] == [
        "carries", "does", "fixes", "has", "plays",
    ]  # fmt: skip


@given(st.integers(0, 10**9))
def test_integers_swap_their_separators(value: int) -> None:
    german_text, english_text = numbers.integer(value)
    assert int(english_text.replace(",", "")) == value == int(german_text.replace(".", ""))


@given(st.integers(0, 99999))
def test_decimals_have_a_comma_in_german(tenths: int) -> None:
    german_text, english_text = numbers.decimal(tenths / 10)
    assert float(english_text) == pytest.approx(tenths / 10)
    assert german_text == english_text.replace(".", ",")


def test_dates() -> None:
    assert numbers.date(15, 3, 2004) == ("15. März 2004", "15 March 2004")


def test_frames() -> None:
    subjects, complements = parse_frame("doctor/nurse > dat patient (for), acc drug, auf acc event (on)")
    assert subjects == ("doctor", "nurse")
    assert [(each.kind, each.classes, each.preposition) for each in complements] == [
        ("dat", ("patient",), "for"),
        ("acc", ("drug",), ""),
        ("auf acc", ("event",), "on"),
    ]


TEXT = st.text(st.sampled_from("abcde ABn"), min_size=1, max_size=30).filter(lambda text: text.strip())


@given(st.lists(TEXT, min_size=1, max_size=4), TEXT)
def test_overlap_is_sacrebleus_chrf(hypotheses: list[str], reference: str) -> None:
    from sacrebleu import sentence_chrf

    scores = ChrfIndex(hypotheses).scores(reference)
    wanted = [sentence_chrf(hypothesis, [reference]).score for hypothesis in hypotheses]
    assert scores == pytest.approx(wanted)


def test_overlap_of_real_sentences_is_sacrebleus_chrf(corpus: Corpus) -> None:
    from sacrebleu import sentence_chrf

    training = [target for _, target in corpus["law"]["train"][:200]]
    reference = corpus["law"]["test"][0][1]
    best, used = overlap(training, [reference], None, 0)
    assert used == 1
    assert best == pytest.approx(max(sentence_chrf(each, [reference]).score for each in training))


@pytest.mark.skipif("INK_REAL_TEXT" not in os.environ, reason="INK_REAL_TEXT names no folder with real text")
def test_synthetic_test_sets_are_no_nearer_to_training_than_the_real_koran() -> None:
    folder = Path(os.environ["INK_REAL_TEXT"]) / "corpora"
    real, _ = overlap(read_lines(folder / "koran.train.en"), read_lines(folder / "koran.test.en"), 300, 0)
    sizes = {"medical": 3000, "law": 6000, "it": 3000, "koran": 1500}
    for domain, splits in generate({name: {"train": n, "test": 300} for name, n in sizes.items()}, 2023).items():
        training, test = ([target for _, target in splits[split]] for split in ("train", "test"))
        assert overlap(training, test, None, 0)[0] <= real, domain
