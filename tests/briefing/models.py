"""Two scripted models: one that does as it is told, and one that lies in every way known here."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any


def write_well(prompt: str, chance: random.Random) -> str:
    """A sentence for each fact, from what the prompt allows."""
    asked = json.loads(prompt)
    sentences = [_tell(fact, asked, chance) for fact in asked["facts"][:3]]
    return json.dumps({"sentences": sentences})


def _tell(fact: dict[str, Any], asked: dict[str, Any], chance: random.Random) -> str:
    value, *others = fact["references"]
    opening = chance.choice(["", "worth asking about: ", "worth a word: ", "this week: "])
    text = f"{opening}{chance.choice(fact['needs'])} {value}"
    if others and fact["turn"]:
        turned = [word for word in asked[fact["turn"]] if word in ("up", "down")]
        text += f", {chance.choice(turned)} {chance.choice(['from', 'against'])} {others[0]}"
    elif others:
        text += f", beside {others[0]}"
    return text[:1].upper() + text[1:] + "."


Lie = Callable[[dict[str, Any], random.Random], str]


def _insert(sentence: str, word: str, chance: random.Random) -> str:
    words = sentence.removesuffix(".").split(" ")
    # Never in front, where a capital would betray it.
    at = chance.randrange(1, len(words) + 1)
    return " ".join([*words[:at], word, *words[at:]]) + "."


def _adding(*words: str) -> Lie:
    def lie(asked: dict[str, Any], chance: random.Random) -> str:
        honest = _tell(chance.choice(asked["facts"]), asked, chance)
        return _insert(honest, chance.choice(words), chance)

    return lie


def _another(asked: dict[str, Any], chance: random.Random) -> str:
    """A reference of another fact, or of none."""
    fact = chance.choice(asked["facts"])
    # Of two facts about attendance either may be told in the same words, and truly.
    others = [
        ref for one in asked["facts"] for ref in one["references"]
        if set(one["needs"]).isdisjoint(fact["needs"])
    ]  # fmt: skip
    false = chance.choice([*others, "{r7.value}", "{r1.points}", "{r0.value}", "{r1.name}"])
    honest = _tell(fact, asked, chance)
    return honest.replace(fact["references"][0], false)


def _swapped(asked: dict[str, Any], chance: random.Random) -> str:
    """What is so now in the place of what it is compared with; else a direction that is none."""
    both = [one for one in asked["facts"] if len(one["references"]) > 1 and one["turn"]]
    if not both:
        return _turned(asked, chance)
    fact = chance.choice(both)
    value, baseline = fact["references"]
    honest = _tell(fact, asked, chance)
    return honest.replace(value, "@").replace(baseline, value).replace("@", baseline)


def _turned(asked: dict[str, Any], chance: random.Random) -> str:
    """Up for down; or a direction where nothing is compared."""
    fact = chance.choice(asked["facts"])
    wrong = {"up": "down", "down": "up"}.get(fact["turn"], chance.choice(["up", "down"]))
    value = fact["references"][0]
    return f"Worth a word: {chance.choice(fact['needs'])} {chance.choice(asked[wrong])} {value}."


def _bare(asked: dict[str, Any], chance: random.Random) -> str:
    """A claim without any number behind it."""
    return f"Worth a word, {chance.choice(chance.choice(asked['facts'])['needs'])}."


def _unfinished_claim(asked: dict[str, Any], chance: random.Random) -> str:
    """The value beside a claim that another fact needs."""
    fact = chance.choice(asked["facts"])
    claims = ["handed in", "is in", "passed", "attended all of", "missed", "was late for",
              "excused for", "ill for", "failed"]  # fmt: skip
    return f"The student {chance.choice(claims)} {fact['references'][0]}."


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
    "other claims": _unfinished_claim,
}  # fmt: skip


def write_lie(kind: str, prompt: str, chance: random.Random) -> str:
    """Honest sentences with one lie among them."""
    asked = json.loads(prompt)
    sentences = json.loads(write_well(prompt, chance))["sentences"][:2]
    lie = LIES[kind](asked, chance)
    # The lie tells a fact by itself: beside an honest sentence on it, the repeat would be refused.
    keep = [one for one in sentences if not any(ref in lie for ref in _references(one))]
    keep.insert(chance.randrange(len(keep) + 1), lie)
    return json.dumps({"sentences": keep}, ensure_ascii=False)


def _references(sentence: str) -> list[str]:
    return [part.split("}")[0] for part in sentence.split("{")[1:]]
