"""Check what a model wrote: nothing passes but references and the words that the facts allow.

The words are a closed list, so a number in words, a name, a cause, a diagnosis, a promise, another
language and mark-up need no rule of their own: they are not in it. What is left is checked by the
place of references, and by the direction of the change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from edumetrics.briefing.facts import BriefingFact, BriefingRecord
from edumetrics.params.briefing import Briefing, Phrases
from edumetrics.sentences import Sentences

REFERENCE = re.compile(r"\{r(\d{1,2})\.([a-z]+)\}")
_TOKEN = re.compile(r"\{r\d{1,2}\.[a-z]+\}|[^\W\d_]+(?:['’-][^\W\d_]+)*|\s+|.", re.DOTALL)
PUNCTUATION = {",", ";", ":", "."}
# What came of a question: why an answer is not shown, or that there was none.
Verdict = Literal[
    "shown", "no answer", "malformed", "too long", "digit", "mark-up", "word", "name", "sentence",
    "reference", "place", "direction", "needs",
]  # fmt: skip
SHOWN: Verdict = "shown"
NO_ANSWER: Verdict = "no answer"


class Unfit(Exception):
    """An answer that is not shown, and why."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict: Verdict = verdict


@dataclass(frozen=True)
class Token:
    """A word in lower case, a reference, or a mark of punctuation, as it was written."""

    kind: Literal["word", "reference", "mark"]
    text: str
    written: str


def read_answer(answer: str, record: BriefingRecord, params: Briefing) -> tuple[str, ...]:
    """Return the sentences of an answer, references and all.

    Args:
        answer: what the model wrote.
        record: what it was asked about.
        params: the words that it may use.

    Raises:
        Unfit: a sentence says something that the record does not have.
    """
    sentences = _parse(answer)
    limit = getattr(params.most_words, record.about)
    used: set[str] = set()
    for sentence in sentences:
        tokens = list(_split(sentence))
        told = {token.text for token in tokens if token.kind == "reference"}
        # Told twice, a number would seem to be two.
        if told & used:
            raise Unfit("reference")
        used |= told
        _check_sentence(tokens, record, params)
    filled = " ".join(sentences)
    # A reference stands for some words: counted as three, whatever fills it.
    if len(filled.split()) + 2 * len(REFERENCE.findall(filled)) > limit:
        raise Unfit("too long")
    return sentences


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
    if not all(isinstance(one, str) and one.strip() for one in sentences):
        raise Unfit("malformed")
    return tuple(" ".join(one.split(" ")).strip() for one in sentences)


def _split(sentence: str) -> Iterator[Token]:
    """Yield the tokens of a sentence; whatever is no word, reference or mark is refused."""
    if not sentence.endswith(".") or not (sentence[0].isupper() or sentence[0] == "{"):
        raise Unfit("sentence")
    for n, written in enumerate(_TOKEN.findall(sentence)):
        if written.isspace():
            if set(written) != {" "}:
                raise Unfit("mark-up")
        elif REFERENCE.fullmatch(written):
            yield Token("reference", written, written)
        elif written[0].isalpha():
            # Only a name begins with a capital inside a sentence.
            if n and written != written.lower():
                raise Unfit("name")
            yield Token("word", written.lower().replace("’", "'"), written)
        elif written in PUNCTUATION:
            yield Token("mark", written, written)
        else:
            raise Unfit("digit" if written.isnumeric() else "mark-up")


def _check_sentence(tokens: list[Token], record: BriefingRecord, params: Briefing) -> None:
    """Make sure that a sentence tells one fact, in its words, its direction and its places."""
    if [token.text for token in tokens].count(".") > 1:
        raise Unfit("sentence")
    number, fact = _find_fact(tokens, record)
    words = params.facts[fact.kind.name]
    phrases = _read_phrases(
        tokens,
        (*params.words, *params.up, *params.down, *params.before_baseline, *words.needs,
         *words.words),
    )  # fmt: skip
    said = {phrase for phrase in phrases if phrase is not None}
    turns = {"up": set(params.up), "down": set(params.down)}
    # Some words say a direction beside a baseline, and are allowed by their direction alone.
    for turn, directed in turns.items():
        if said & directed and fact.turn != turn:
            raise Unfit("direction")
    if not said & set(words.needs):
        raise Unfit("needs")
    _check_places(tokens, phrases, set(params.before_baseline), f"{{r{number}.baseline}}")


def _find_fact(tokens: list[Token], record: BriefingRecord) -> tuple[int, BriefingFact]:
    """Return the one fact that a sentence refers to, and its number."""
    found = [match for token in tokens if (match := REFERENCE.fullmatch(token.text))]
    numbers = {int(match[1]) for match in found}
    if len(numbers) != 1 or not 1 <= min(numbers) <= len(record.facts):
        raise Unfit("reference")
    number = numbers.pop()
    fact = record.facts[number - 1]
    fields = [match[2] for match in found]
    # What a fact is compared with says nothing without the fact.
    if not set(fields) <= set(fact.kind.fields) or len(fields) != len(set(fields)):
        raise Unfit("reference")
    if fact.kind.fields[0] not in fields:
        raise Unfit("reference")
    return number, fact


def _read_phrases(tokens: list[Token], allowed: Phrases) -> list[str | None]:
    """Return for each token the allowed phrase that it belongs to; None for what is no word.

    Of several ways to read a sentence the one with the longest phrases goes first; references and
    marks of punctuation end a phrase.

    Raises:
        Unfit: a word belongs to none.
    """
    known = {tuple(phrase.split()) for phrase in allowed}
    longest = max(map(len, known))
    words = [token.text if token.kind == "word" else None for token in tokens]
    # From the end, so that each place knows whether what follows can be read: how long the phrase
    # is that begins there, and 0 where none does.
    lengths = [0] * len(words) + [1]
    for at in reversed(range(len(words))):
        fitting = (
            length for length in range(min(longest, len(words) - at), 0, -1)
            if lengths[at + length] and tuple(words[at : at + length]) in known
        )  # fmt: skip
        lengths[at] = next(fitting, 0) if words[at] else min(lengths[at + 1], 1)
    if not lengths[0]:
        raise Unfit("word")
    found: list[str | None] = []
    while (at := len(found)) < len(words):
        part = words[at : at + lengths[at]]
        found += [" ".join(filter(None, part)) or None] * len(part)
    return found


def _check_places(
    tokens: list[Token], phrases: list[str | None], before: set[str], baseline: str
) -> None:
    """Make sure that a baseline, and nothing else, stands behind a word of comparison."""
    for at, token in enumerate(tokens):
        if token.kind == "reference":
            compared = at > 0 and phrases[at - 1] in before
            if compared != (token.text == baseline):
                raise Unfit("place")
