"""Check what a model wrote: each sentence is put together of forms that are true of the facts.

What may be said is a closed set: openings, the forms of the facts of the record, links and closings
of `briefing.yml`. So a number in words, a cause, a name, a promise, another language and mark-up
need no rule of their own, and neither do references that are swapped: no form has them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Literal

from edumetrics.briefing.facts import BriefingRecord
from edumetrics.params.briefing import FIELD, Briefing
from edumetrics.sentences import Sentences

REFERENCE = re.compile(r"\{r([1-9])\.([a-z]+)\}")
_WORD = re.compile(r"[^\W\d_]+")
# What came of a question: why an answer is not shown, or that there was none.
Verdict = Literal[
    "shown", "no answer", "malformed", "too long", "digit", "reference", "word", "form", "repeated"
]
SHOWN: Verdict = "shown"
NO_ANSWER: Verdict = "no answer"


class Unfit(Exception):
    """An answer that is not shown, and why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict: Verdict = verdict


def read_answer(answer: str, record: BriefingRecord, params: Briefing) -> tuple[str, ...]:
    """Return the sentences of an answer, references and all.

    Raises:
        Unfit: the answer is no JSON of sentences, or as `check_sentences`.
    """
    sentences = _parse(answer)
    check_sentences(sentences, record, params)
    return sentences


def check_sentences(sentences: tuple[str, ...], record: BriefingRecord, params: Briefing) -> None:
    """Make sure that what a model wrote may be shown.

    Args:
        sentences: what it wrote, references and all.
        record: what it was asked about.
        params: the forms that it may use.

    Raises:
        Unfit: a sentence is not made of these forms, or together they are too long.
    """
    grammar, told = _compile_grammar(record, params), REFERENCE.findall(" ".join(sentences))
    for sentence in sentences:
        # A capital begins it; what follows is as the forms have it.
        begins_well = sentence[:1].isupper() or sentence[:1] == "{"
        if not (begins_well and grammar.fullmatch(sentence[:1].lower() + sentence[1:])):
            raise Unfit(_explain(sentence, record, params))
    # Told twice, a number would seem to be two.
    if len(told) != len(set(told)):
        raise Unfit("repeated")
    # A reference stands for some words: counted as three, whatever fills it.
    if len(" ".join(sentences).split()) + 2 * len(told) > getattr(params.most_words, record.about):
        raise Unfit("too long")


def fill_sentences(answered: tuple[str, ...], record: BriefingRecord, sentences: Sentences) -> str:
    """Return the paragraph, with the values of a record in the place of references."""

    def fill(found: re.Match[str]) -> str:
        return record.facts[int(found[1]) - 1].fill(sentences, found[2])

    filled = (REFERENCE.sub(fill, sentence) for sentence in answered)
    return " ".join(text[:1].upper() + text[1:] for text in filled)


def _parse(answer: str) -> tuple[str, ...]:
    """Return the sentences of an answer in JSON."""
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError) as error:
        raise Unfit("malformed") from error
    if not isinstance(said, dict) or said.keys() != {"sentences"}:
        raise Unfit("malformed")
    sentences = said["sentences"]
    if not isinstance(sentences, list) or not sentences:
        raise Unfit("malformed")
    if not all(isinstance(one, str) and one for one in sentences):
        raise Unfit("malformed")
    return tuple(sentences)


def list_forms(record: BriefingRecord, params: Briefing) -> list[list[str]]:
    """Return for each fact of a record its forms, with the references of the fact."""
    return [
        [FIELD.sub(rf"{{r{n}.\1}}", form)
         for form in params.facts[fact.kind.name].list_forms(fact.turn)]
        for n, fact in enumerate(record.facts, start=1)
    ]  # fmt: skip


def _compile_grammar(record: BriefingRecord, params: Briefing) -> re.Pattern[str]:
    """Return what a sentence is, from its first letter in lower case to its full stop."""
    claims = "|".join(_compile_form(form) for forms in list_forms(record, params) for form in forms)
    opening, link, closing = (
        _join_texts(texts) for texts in (params.openings, params.links, params.closings)
    )
    return re.compile(rf"(?:{opening})?(?:{claims})(?:(?:{link})(?:{claims}))?(?:{closing})?\.")


def _compile_form(form: str) -> str:
    """Return a form as a regular expression: only its choices and brackets are more than text."""
    parts = re.split(r"([(|)])", form)
    return "".join({"(": "(?:"}.get(part, part) if part in "(|)" else re.escape(part)
                   for part in parts)  # fmt: skip


def _join_texts(texts: Iterable[str]) -> str:
    # Without any text nothing fits, instead of the empty text.
    return "|".join(map(re.escape, texts)) or "(?!)"


def _explain(sentence: str, record: BriefingRecord, params: Briefing) -> Verdict:
    """Return why a sentence is no form: the first of what is foreign to it."""
    rest = REFERENCE.sub(" ", sentence)
    if any(sign.isnumeric() for sign in rest):
        return "digit"
    own = {f"r{n}.{field}" for n, fact in enumerate(record.facts, start=1)
           for field in fact.kind.fields}  # fmt: skip
    told = {f"r{n}.{field}" for n, field in REFERENCE.findall(sentence)}
    if "{" in rest or not told or not told <= own:
        return "reference"
    forms = (form for forms in list_forms(record, params) for form in forms)
    known = " ".join((*params.openings, *params.links, *params.closings, *forms)).lower()
    words = set(_WORD.findall(known))
    return "form" if {word.lower() for word in _WORD.findall(rest)} <= words else "word"
