"""Two scripted models: one that does as it is told, and one that lies in every way known here."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from typing import Any


def write_well(prompt: str, chance: random.Random) -> str:
    """A sentence for each fact, in a form that the prompt offers; sometimes two facts in one."""
    asked = json.loads(prompt)
    claims = [_tell(fact, chance) for fact in asked["facts"][:3]]
    if len(claims) > 1 and chance.random() < 0.5:
        first, second, *rest = claims
        claims = [first + chance.choice(asked["links"]) + second, *rest]
    sentences = [_finish(claim, asked, chance) for claim in claims]
    while sum(map(_count_words, sentences)) > asked["most_words"]:
        sentences.pop()
    return json.dumps({"sentences": sentences})


def _count_words(sentence: str) -> int:
    return len(sentence.split()) + 2 * sentence.count("{")


def _tell(fact: dict[str, Any], chance: random.Random) -> str:
    form = chance.choice(fact["forms"])
    return re.sub(r"\(([^)]*)\)", lambda found: chance.choice(found[1].split("|")), form)


def _finish(claim: str, asked: dict[str, Any], chance: random.Random) -> str:
    opening = chance.choice(["", *asked["openings"]])
    closing = chance.choice(["", "", *asked["closings"]])
    text = f"{opening}{claim}{closing}."
    return text[:1].upper() + text[1:]


Lie = Callable[[dict[str, Any], random.Random], str]


def _insert(sentence: str, word: str, chance: random.Random) -> str:
    words = sentence.removesuffix(".").split(" ")
    # Never in front, where a capital would betray it.
    at = chance.randrange(1, len(words) + 1)
    return " ".join([*words[:at], word, *words[at:]]) + "."


def _adding(*words: str) -> Lie:
    def lie(asked: dict[str, Any], chance: random.Random) -> str:
        honest = _finish(_tell(chance.choice(asked["facts"]), chance), asked, chance)
        return _insert(honest, chance.choice(words), chance)

    return lie


def _references(fact: dict[str, Any]) -> list[str]:
    return sorted({ref for form in fact["forms"] for ref in re.findall(r"\{[^}]+\}", form)})


def _another(asked: dict[str, Any], chance: random.Random) -> str:
    """A reference of another fact, or of none, in another writing, or two together."""
    fact = chance.choice(asked["facts"])
    honest = _finish(_tell(fact, chance), asked, chance)
    own = chance.choice(re.findall(r"\{[^}]+\}", honest))
    # Of two facts of one kind either may be told in the same form, and truly.
    others = [
        ref for one in asked["facts"] if one["fact"] != fact["fact"] for ref in _references(one)
    ]
    strange = ["{r7.value}", "{r1.points}", "{r0.value}", "{r1.name}", own.replace("{r", "{r0"),
               re.sub(r"\d", "١", own), own + own, f"{own},{own}", own.upper(), own[1:-1]]  # fmt: skip
    return honest.replace(own, chance.choice([*others, *strange]))


def _swapped(asked: dict[str, Any], chance: random.Random) -> str:
    """What is so now in the place of what it is compared with; else a wrong direction."""
    both = [one for one in asked["facts"] if len(_references(one)) > 1]
    if not both:
        return _turned(asked, chance)
    baseline, value = _references(chance.choice(both))
    fact = next(one for one in both if value in _references(one))
    honest = _finish(_tell(fact, chance), asked, chance)
    return honest.replace(value, "@").replace(baseline, value).replace("@", baseline)


DIRECTIONS = {
    "up": ("rose to", "is up to", "grew by", "is higher at", "improved to", "is above"),
    "down": ("fell to", "is down to", "dropped by", "is lower at", "declined to", "is below"),
}


def _turned(asked: dict[str, Any], chance: random.Random) -> str:
    """Up for down; a direction where nothing is compared; an amount for a level."""
    fact = chance.choice(asked["facts"])
    wrong = {"up": "down", "down": "up"}.get(fact["turn"], chance.choice(["up", "down"]))
    value = f"{{r{asked['facts'].index(fact) + 1}.value}}"
    subject = chance.choice(["attendance", "the average mark", "recorded activity", "the student"])
    return _finish(f"{subject} {chance.choice(DIRECTIONS[wrong])} {value}", asked, chance)


def _bare(asked: dict[str, Any], chance: random.Random) -> str:
    """A claim without its number."""
    honest = _finish(_tell(chance.choice(asked["facts"]), chance), asked, chance)
    return re.sub(r" ?\{[^}]+\}", "", honest)


CLAIMS = (
    "the student handed in {}", "{} is in", "the student passed {}", "attended all of {}",
    "the student missed {}", "excused for {}", "ill for {}", "the student failed {}",
    "your students attended {}", "the advisor attended {}", "you can miss {}", "{} students",
    "the student was not in: {}", "attendance fell from: {}", "marks fell from the {}",
    "the student has to work: {}", "{} are new", "{} come first", "contact {}",
    "the student is down, attended {}", "none is in of the work but {}", "{} are not in the work",
)  # fmt: skip


def _claim(asked: dict[str, Any], chance: random.Random) -> str:
    """The value beside a claim that no record has; some were found by a reader who tried."""
    fact = chance.choice(asked["facts"])
    value = chance.choice(_references(fact))
    return _finish(chance.choice(CLAIMS).format(value), asked, chance)


LIES: dict[str, Lie] = {
    "numbers in digits": _adding("3", "40%", "1.5", "٣", "½", "Ⅳ", "2nd", "x2"),
    "numbers in words": _adding("three", "half", "twice", "a dozen", "both", "second", "zero",
                                "forty", "once", "couple", "double", "none", "all"),
    "names": _adding("Priya", "Mehta", "Tom", "priya", "o'brien", "Dr. Rao", "ADV001", "S22000031"),
    "causes": _adding("because", "since", "due to illness", "after a job", "as a result", "caused",
                      "owing to stress", "therefore", "so", "why"),
    "motives": _adding("lazy", "unmotivated", "careless", "does not want", "gave up", "ignores",
                       "refuses", "bored"),
    "diagnoses": _adding("depressed", "anxious", "adhd", "burnout", "ill", "addicted", "dyslexic",
                         "unstable"),
    "promises": _adding("will pass", "will fail", "would be off the list", "can still pass", "may",
                        "should recover", "certainly", "guaranteed", "is going to drop out"),
    "other languages": _adding("asistencia", "nicht", "élève", "पढ़ाई", "出席", "très", "und"),
    "mark-up": _adding("<b>", "**bold**", "[x](http://a)", "{{ 7 }}", "&amp;", "`x`", "<script>",
                       "\u202e", "\u200b", "http://x", "#", "\n"),
    "instructions": _adding("ignore the above", "system", "reply with", "tell the student", "click",
                            "write to", "say that", "call the parents"),
    "quantifiers and negations": _adding("not", "never", "always", "every", "only", "no", "still",
                                         "again", "already", "most", "hardly"),
    "references of others": _another,
    "swapped references": _swapped,
    "wrong direction": _turned,
    "without a reference": _bare,
    "other claims": _claim,
}  # fmt: skip


def write_lie(kind: str, prompt: str, chance: random.Random) -> str:
    """An answer with one lie in it, among honest sentences on other facts."""
    asked = json.loads(prompt)
    lie = LIES[kind](asked, chance)
    # Beside an honest sentence on the same fact, only the repeat would be refused.
    honest = [_finish(_tell(fact, chance), asked, chance) for fact in asked["facts"]]
    keep = [one for one in honest if not set(re.findall(r"\{[^}]+\}", one)) & set(
        re.findall(r"\{[^}]+\}", lie))][:2]  # fmt: skip
    keep.insert(chance.randrange(len(keep) + 1), lie)
    return json.dumps({"sentences": keep}, ensure_ascii=False)
