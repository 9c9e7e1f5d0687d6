"""The name by which a letter addresses someone is as its owner writes it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edumetrics.reports.first_name import pick_first_name


@pytest.mark.parametrize(
    ("name", "first"),
    [
        # The first word, or the one word there is.
        ("Asha Lanternwala", "Asha"),
        ("  Asha  Rao", "Asha"),
        ("Anne-Marie Dupont", "Anne-Marie"),
        ("Li Wei", "Li"),
        ("LI WEI", "LI"),
        ("Kavya R", "Kavya"),
        ("Asha", "Asha"),
        ("O'Neil Byrne", "O'Neil"),
        ("John Smith, Jr.", "John"),
        # What stands behind a comma.
        ("Raman, Kavya", "Kavya"),
        ("García Márquez, Gabriel José", "Gabriel José"),
        ("de la Cruz, Juan", "Juan"),
        ("Berg, Anna van den", "Anna"),
        ("Raman,", "Raman"),
        (", Kavya", "Kavya"),
        # Initials or a title first: the whole name, in the order in which people say it.
        ("K. Raman", "K. Raman"),
        ("K Raman", "K Raman"),
        ("K.R. Raman", "K.R. Raman"),
        ("KR Raman", "KR Raman"),
        ("Dr. Asha Rao", "Dr. Asha Rao"),
        ("Dr Asha Rao", "Dr Asha Rao"),
        ("Md Karim", "Md Karim"),
        ("Raman, K.", "K. Raman"),
        ("Berg, A. van den", "A. van den Berg"),
        # A particle: the whole name.
        ("Ana de Souza", "Ana de Souza"),
        ("Vincent van Gogh", "Vincent van Gogh"),
        ("Ursula von Trapp", "Ursula von Trapp"),
        ("Omar al-Rashid", "Omar al-Rashid"),
        ("Omar Al Rashid", "Omar Al Rashid"),
        ("Ahmed bin Salim", "Ahmed bin Salim"),
        ("Carla da Costa", "Carla da Costa"),
        ("Luca di Mauro", "Luca di Mauro"),
        ("De Silva Nimal", "De Silva Nimal"),
        ("Jean d’Artagnan", "Jean d’Artagnan"),
        # What is no name.
        ("", ""),
        (",", ""),
        ("S0042", ""),
        ("2026-17", ""),
        ("asha@students.example", ""),
    ],
)  # fmt: skip
def test_a_letter_addresses_someone_as_the_name_is_written(name: str, first: str) -> None:
    assert pick_first_name(name) == first


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_a_letter_invents_no_part_of_a_name(name: str) -> None:
    parts = name.replace(",", " ").split()
    assert set(pick_first_name(name).split()) <= set(parts)
