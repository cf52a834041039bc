"""Clauses in both languages: word order, tense, voice, negation, adjuncts, subordinate and relative clauses."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from ink.synthetic import english, german
from ink.synthetic.lexicon import renderings
from ink.synthetic.phrases import PRONOUNS, Phrase, Phrases
from ink.synthetic.words import Complement, Verb


@dataclass
class Part:
    """A piece of the clause's middle: where it stands in German and English, and its text in both.

    `phrase` is the noun phrase of an object or agent, which becomes the subject where the English changes its voice.
    """

    kind: str
    german: str
    english: str
    phrase: Phrase | None = None


@dataclass
class Clause:
    """A verb with everything that belongs to it; put into words by `german` and `english`.

    - `tense`: present, preterite, perfect or future
    - `deontic`: shall stands for the English present (legal style)
    - `future_english`: the English auxiliary of the future
    - `english_front`: what stands first in English
    - `turned`: the English has the other voice, passive for an active clause and active for a passive one
    """

    verb: Verb
    subject: Phrase
    tense: str
    modal: str = ""
    modal_english: tuple[str, str, str] = ("", "", "")
    passive: bool = False
    negated: bool = False
    deontic: bool = False
    perfect_english: str = "past"
    future_english: str = "will"
    turned: bool = False
    parts: list[Part] = field(default_factory=list)
    front: Part | None = None
    english_front: Part | None = None
    trailing: tuple[str, str] = ("", "")

    def _verbs(self) -> tuple[str, str]:
        """(finite verb, what stands at the end of the clause), without the separable prefix of a simple tense."""
        verb, agreement = self.verb.german, (self.subject.person, self.subject.number)
        if self.modal:
            tense = "past" if self.tense == "preterite" else "present"
            tail = f"{verb.participle} werden" if self.passive else verb.full_infinitive
            return german.auxiliary(self.modal, tense, *agreement), tail
        if self.tense == "perfect":
            tail = f"{verb.participle} worden" if self.passive else verb.participle
            return german.auxiliary("sein" if self.passive else verb.auxiliary, "present", *agreement), tail
        if self.tense == "future":
            tail = f"{verb.participle} werden" if self.passive else verb.full_infinitive
            return german.auxiliary("werden", "present", *agreement), tail
        if self.passive:
            tense = "past" if self.tense == "preterite" else "present"
            return german.auxiliary("werden", tense, *agreement), verb.participle
        form = verb.past(*agreement) if self.tense == "preterite" else verb.present(*agreement)
        return form, ""

    def _middle(self) -> str:
        """What stands between the finite verb and the verbs at the end, without the subject."""
        order = ("pronoun", "time", "dat", "acc", "mid", "not", "manner", "reason", "place", "agent", "prepositional")
        parts = list(self.parts)
        if self.negated:
            parts.append(Part("not", "nicht", ""))
        words = [part.german for kind in order for part in parts if part.kind == kind and part is not self.front]
        if self.verb.german.reflexive:
            words.insert(0, german.reflexive_pronoun(self.subject.person, self.subject.number))
        return english.join(*words)

    def german(self, order: str) -> str:
        """The clause in German; `order`: main, inverted (verb first), final, zu, formal and plural (imperatives)."""
        finite, tail = self._verbs()
        prefix, subject = self.verb.german.prefix, self.subject.german("nom")
        middle, extra = self._middle(), self.trailing[0]
        if order == "final":
            end = english.join(tail, finite) if tail else prefix + finite
            return english.join(subject, middle, end, extra)
        if order == "zu":
            return english.join(middle, self.verb.german.zu_infinitive, extra)
        end = tail or prefix
        if order in ("formal", "plural"):
            form = self.verb.german.infinitive + " Sie" if order == "formal" else self.verb.german.present(2, "pl")
            return english.join(form, middle, prefix, extra)
        if order == "inverted":
            return english.join(finite, subject, middle, end, extra)
        if self.front is not None:
            return english.join(self.front.german, finite, subject, middle, end, extra)
        return english.join(subject, finite, middle, end, extra)

    def english(self, order: str, subject: str | None = None) -> str:
        """The clause in English; `order` as in German, question or gerund; `subject` (who, which) replaces the own."""
        if self.turned and subject is None and order in ("main", "final"):
            return self._turned().english(order)
        pieces = [part.english for part in self.parts if part.kind in ("dat", "acc", "pronoun") and part.english]
        last = ("prepositional", "agent", "manner", "place", "reason", "time")
        behind = [part for part in self.parts if part is not self.english_front or order != "main"]
        after = [part.english for kind in last for part in behind if part.kind == kind]
        middle = english.join(*(part.english for part in self.parts if part.kind == "mid"))
        end = english.join(*pieces, *after, self.trailing[1])
        if order in ("formal", "plural"):
            negation = "do not" if self.negated else ""
            return english.join(negation, middle, self.verb.english.infinitive, end)
        if order == "zu":
            return english.join("to", self.verb.english.infinitive, end)
        if order == "gerund":
            return english.join(self.verb.english.gerund, end)
        auxiliary, predicate = self._predicate(order, middle)
        subject = self.subject.english if subject is None else subject
        if order == "question":
            return english.join(auxiliary, subject, predicate, end)
        if order == "main" and self.english_front is not None:
            return english.join(self.english_front.english, ",", subject, predicate, end)
        return english.join(subject, predicate, end)

    def _turned(self) -> Clause:
        """The same clause in the other voice, for the English side alone."""
        moved = next(part for part in self.parts if part.kind == ("agent" if self.passive else "acc"))
        assert moved.phrase is not None
        others = [part for part in self.parts if part is not moved]
        old = self.subject.english_object
        new = Part("acc", "", old) if self.passive else Part("agent", "", f"by {old}")
        return replace(self, subject=moved.phrase, passive=not self.passive, turned=False, parts=[*others, new])

    def _predicate(self, order: str, adverb: str) -> tuple[str, str]:
        modal, tense = "", {"preterite": "past", "perfect": self.perfect_english}.get(self.tense, "present")
        if self.modal:
            in_present, in_past, negated = self.modal_english
            modal = in_past if self.tense == "preterite" else negated if self.negated else in_present
        elif self.tense == "future":
            modal = self.future_english
        elif self.deontic and order == "main" and self.tense == "present":
            modal = "shall"
        return english.predicate(
            self.verb.english, tense=tense, person=self.subject.person, number=self.subject.english_number, modal=modal,
            passive=self.passive, negated=self.negated, inverted=order == "question", adverb=adverb,
        )  # fmt: skip


class Clauses:
    """Draws clauses from a lexicon through `phrases`."""

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases
        self.lexicon = phrases.lexicon
        self.rng = phrases.rng
        self.voice = phrases.voice
        phrases.relative = self.relative

    def clause(
        self,
        depth: int = 0,
        *,
        subject: Phrase | None = None,
        tenses: set[str] | None = None,
        adjuncts: bool = True,
        verb: Verb | None = None,
        active: bool = False,
        negatable: bool = True,
    ) -> Clause:
        """A finite clause. `subject` fixes the subject, to which the verb is drawn; `tenses` limits [weights tense]."""
        passive = False
        if verb is None:
            may_be_passive = not active and self.phrases.chance("passive")
            if subject is None:
                verb = self.phrases.draw(self.lexicon.all_verbs)
                passive = may_be_passive and bool(verb.wanted("passive"))
            else:
                candidates = self.lexicon.verbs_with("subject", subject.classes)
                passives = self.lexicon.verbs_with("passive", subject.classes)
                passive = len(passives) > 0 and not active and (may_be_passive or len(candidates) == 0)
                verb = self.phrases.draw(passives if passive else candidates)
        may_turn = subject is None and not active
        if subject is None:
            classes = verb.object.classes if passive and verb.object else verb.subjects
            subject = self._subject(verb, classes, depth, passive)
        clause = self._with_tense(Clause(verb, subject, "present", passive=passive), tenses)
        self._fill(clause, depth, adjuncts, negatable)
        clause.turned = may_turn and self._turns(clause)
        return clause

    def _turns(self, clause: Clause) -> bool:
        """Whether the English takes the other voice: where both are natural, now and then."""
        if clause.passive:
            agent = next((part for part in clause.parts if part.kind == "agent"), None)
            return agent is not None and not clause.subject.pronoun and self.voice.chance("active")
        target = next((part for part in clause.parts if part.kind == "acc"), None)
        if target is None or target.phrase is None or clause.trailing[1] or clause.subject.pronoun:
            return False
        natural = bool(clause.verb.wanted("passive")) and not target.phrase.pronoun and clause.modal != "wollen"
        alone = all(part.kind not in ("dat", "prepositional") for part in clause.parts)
        return natural and alone and not target.english.startswith("no ") and self.voice.chance("passive")

    def _subject(self, verb: Verb, classes: tuple[str, ...], depth: int, passive: bool) -> Phrase:
        if not passive and self.phrases.human.intersection(classes) and self.phrases.chance("pronoun"):
            return self.phrases.pronoun()
        return self.phrases.phrase(classes, depth)

    def _with_tense(self, clause: Clause, tenses: set[str] | None) -> Clause:
        choice = self.phrases.weighted("tense", tenses)
        tense, _, modal = choice.partition(" ")
        if modal == "wollen" and (clause.passive or not clause.subject.human):
            modal = ""
        style = self.lexicon.style
        perfect = style.get("perfect", "past")
        if self.voice.chance("tense"):
            perfect = "past" if perfect == "perfect" else "perfect"
        return replace(
            clause, tense=tense, modal=modal,
            modal_english=self.voice.choose(self.lexicon.modals[modal]) if modal else ("", "", ""),
            deontic=style.get("present") == "shall", perfect_english=perfect,
            future_english=self.voice.choose(renderings(style["future"])),
        )  # fmt: skip

    def _fill(self, clause: Clause, depth: int, adjuncts: bool, negatable: bool) -> None:
        """Complements, adjuncts and negation."""
        clause.negated = negatable and self.phrases.chance("negation")
        for complement in clause.verb.complements:
            if clause.passive and complement.kind == "acc":
                continue
            self._complement(clause, complement, depth)
        if clause.passive and self.phrases.chance("agent"):
            agent = self.phrases.phrase(clause.verb.subjects, depth + 1, frozenset({"plain"}))
            clause.parts.append(
                Part("agent", german.contract("von", agent.german("dat")), "by " + agent.english_object, agent)
            )
        if adjuncts:
            self._adjuncts(clause, depth)

    def _complement(self, clause: Clause, complement: Complement, depth: int) -> None:
        if complement.kind == "clause":
            inner = self.clause(depth + 1, adjuncts=depth < 1)
            clause.trailing = (f", dass {inner.german('final')} ,", f"that {inner.english('final')}")
            return
        if complement.kind == "zu":
            inner = self.infinitive(depth, complement.classes)
            clause.trailing = (f", {inner.german('zu')} ,", inner.english("zu"))
            return
        if complement.kind == "acc" and clause.negated and self.rng.random() < 0.5:
            names = complement.classes
            phrase = self.phrases.phrase(names, 2, frozenset({"no"}))
            if phrase.english.startswith("no "):
                clause.negated = False
        else:
            phrase = self.phrases.phrase(complement.classes, depth + 1 if depth else 0, owner=clause.subject)
        kind, _, case = complement.kind.rpartition(" ")
        text = phrase.german(case)
        if kind:
            text = german.contract(kind, text)
        clause.parts.append(
            Part(
                "prepositional" if kind else case,
                text,
                english.join(complement.preposition, phrase.english_object),
                None if complement.preposition else phrase,
            )
        )
        if not kind and case == "dat" and complement.preposition:
            # give something to somebody: the English object goes first.
            clause.parts[-1] = Part("dat", text, "")
            clause.parts.append(Part("prepositional", "", english.join(complement.preposition, phrase.english_object)))

    def infinitive(self, depth: int, subjects: tuple[str, ...]) -> Clause:
        """A clause to be put as an infinitive, its subject unsaid."""
        return self.clause(
            depth + 1,
            subject=PRONOUNS["ihr"],
            verb=self.plain_verb(subjects),
            adjuncts=False,
            active=True,
            negatable=False,
        )

    def plain_verb(self, subjects: tuple[str, ...], objects: frozenset[str] = frozenset()) -> Verb:
        """A verb for an infinitive or imperative: no clause of its own; its object of one of `objects`, if any."""
        candidates = self.lexicon.verbs_with("subject", frozenset(subjects) or self.phrases.human)
        while True:
            verb = self.phrases.draw(candidates)
            if objects and not objects & verb.wanted("passive"):
                continue
            if all(each.kind not in ("clause", "zu") for each in verb.complements) and not verb.german.reflexive:
                return verb

    def _adjuncts(self, clause: Clause, depth: int) -> None:
        kinds = ["time", "place", "reason"]
        if not clause.negated and not any(
            part.kind == "acc" and part.english.startswith("no ") for part in clause.parts
        ):
            kinds.append("mid")
        if clause.subject.human and not clause.passive:
            kinds.append("manner")
        for kind in kinds:
            available = self.lexicon.pairs.get(("adjunct", kind))
            if available is None or self.rng.random() >= self.lexicon.weights["adjunct"].get(kind, 0.0) / (1 + depth):
                continue
            if kind == "time":
                # yesterday goes with the past alone, soon with everything but the past
                suited = "past" if clause.tense in ("preterite", "perfect") else "future"
                special = self.lexicon.pairs.get(("adjunct", suited))
                available = special if special is not None and self.rng.random() < 0.35 else available
            pattern = self.phrases.draw(available)
            clause.parts.append(Part(kind, *self.phrases.fill(pattern.german, pattern.english, depth + 1)))
        movable = [part for part in clause.parts if part.kind in ("time", "place", "reason")]
        if movable and depth == 0 and self.phrases.chance("front"):
            clause.front = clause.english_front = self.rng.choice(movable)
        if movable and depth == 0 and self.voice.chance("order"):
            clause.english_front = None if clause.english_front else movable[0]

    def relative(self, head: Phrase, depth: int) -> tuple[str, str]:
        """A relative clause for `head`: (die der Arzt verschreibt, which the doctor prescribes)."""
        pronoun = tuple(german.relative_pronoun(head.gender, case) for case in german.CASES)
        that = self.voice.chance("that")
        word = "that" if that else "who" if head.human else "which"
        subject = replace(
            head, forms=(pronoun[0], pronoun[1], pronoun[2], pronoun[3]), english=word, english_object=word
        )
        objects = self.lexicon.verbs_with("object", head.classes)
        if len(objects) and self.phrases.chance("object_relative"):
            verb = self.phrases.draw(objects)
            inner = self.clause(depth + 1, verb=verb, adjuncts=False, active=True)
            target = next((part for part in inner.parts if part.kind == "acc"), None)
            if target is not None and not inner.verb.german.reflexive:
                inner.parts.remove(target)
                word = "that" if that else "whom" if head.human else "which"
                text = inner.german("final")
                return f"{pronoun[1]} {text}", f"{word} {inner.english('final')}"
        inner = self.clause(depth + 1, subject=subject, adjuncts=self.rng.random() < 0.4)
        return inner.german("final"), inner.english("final")
