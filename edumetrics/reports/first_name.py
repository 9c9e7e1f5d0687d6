"""Find the name by which a letter addresses someone."""

from __future__ import annotations

import re

# Before a first name. Any word with a stop is taken for one of these, or for an initial.
TITLES = frozenset(
    ("dr", "prof", "professor", "mr", "mrs", "ms", "miss", "mx", "sir", "shri", "sri", "smt", "md",
     "mohd")
)  # fmt: skip
# After a family name and a comma: no first name.
SUFFIXES = frozenset(("jr", "sr", "ii", "iii", "iv", "phd", "md"))
# Words that belong to the names around them, alone or joined to the next ("al-Rashid").
PARTICLE = re.compile(
    r"(?:abu|af|al|av|bin|bint|da|das|de|del|della|den|der|di|do|dos|du|el|ibn|la|le"
    r"|ter|ul|ur|van|vom|von|zu|zum|zur)(?:[-'’].+)?|d['’].+",
    re.IGNORECASE,
)


def pick_first_name(name: str) -> str:
    """Return the name by which a letter addresses someone, as its owner writes it.

    It is the part behind a comma, else the first word. A name that begins with an initial or a
    title, or has a particle, is used whole. It is empty for an id, which is no name.

    Args:
        name: the full name; empty where there is none.

    >>> names = "Asha Lanternwala", "K. Raman", "Raman, Kavya", "Ana de Souza", "S0042"
    >>> tuple(pick_first_name(name) for name in names)
    ('Asha', 'K. Raman', 'Kavya', 'Ana de Souza', '')
    """
    before, _, behind = (part.split() for part in name.partition(","))
    if behind and behind[0].strip(".").lower() not in SUFFIXES:
        picked = _pick_behind_comma(before, behind)
    else:
        has_particle = any(map(PARTICLE.fullmatch, before))
        whole = has_particle or _is_abbreviated(before)
        picked = " ".join(before if whole else before[:1])
    is_id = any(letter.isdigit() or letter == "@" for letter in picked)
    return "" if is_id else picked


def _pick_behind_comma(family: list[str], own: list[str]) -> str:
    """Return the words behind the comma; after initials or a title, the family name as well."""
    # "Berg, Anna van den": the particles belong to the family name.
    particles: list[str] = []
    while len(own) > 1 and PARTICLE.fullmatch(own[-1]):
        particles.insert(0, own[-1])
        own = own[:-1]
    return " ".join([*own, *particles, *family] if _is_abbreviated(own) else own)


def _is_abbreviated(words: list[str]) -> bool:
    """Return whether some words begin with a title or with initials rather than with a name."""
    if not words:
        return False
    first, rest = words[0], words[1:]
    # "KR Raman" begins with initials; of "LI WEI" nobody can tell by its capitals.
    initials = len(first) < 2 or (
        len(first) < 4 and first.isupper() and bool(rest) and not " ".join(rest).isupper()
    )
    return initials or "." in first or first.lower() in TITLES
