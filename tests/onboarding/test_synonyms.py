"""The lists of words name what there is, and know the tables of real platforms."""

from __future__ import annotations

from collections import Counter

import pytest

from edumetrics.fields import RELATIONS
from edumetrics.onboarding.match import find_tables, normalize_name
from edumetrics.onboarding.profile import SourceTable
from edumetrics.onboarding.synonyms import CODES, COLUMNS, TABLES

ALL_COLUMNS = {name for record in RELATIONS.values() for name in record.names}


def test_every_relation_has_words_and_nothing_else_has() -> None:
    assert set(TABLES) == set(RELATIONS)
    assert set(COLUMNS) - {""} == set(RELATIONS)


def test_words_are_for_columns_that_exist() -> None:
    unknown = [
        f"{relation}.{column}"
        for relation, columns in COLUMNS.items()
        for column in columns
        if column not in (RELATIONS[relation].names if relation else ALL_COLUMNS)
    ]
    assert unknown == []
    assert set(CODES) <= ALL_COLUMNS


def test_a_word_names_one_relation_only() -> None:
    owners = {
        (normalize_name(word), relation)
        for relation, words in TABLES.items()
        for word in words.split()
    }
    count = Counter(word for word, _ in owners)
    assert [word for word, times in count.items() if times > 1] == []


def test_words_are_written_as_they_are_compared() -> None:
    lists = [*TABLES.values(), *(text for words in COLUMNS.values() for text in words.values())]
    odd = [
        word
        for text in lists
        for word in text.split()
        if not word.isascii() or word.lower() != word
    ]
    assert odd == []
    assert [text for text in lists if len(set(text.split())) < len(text.split())] == []


def test_a_value_stands_for_one_code_of_its_column() -> None:
    for column, codes in CODES.items():
        words = [word for group in codes.values() for word in group]
        assert [word for word, times in Counter(words).items() if times > 1] == [], column
        assert [word for word in words if word != word.strip().lower()] == [], column


def test_a_late_student_was_present_and_one_who_withdrew_has_not_passed() -> None:
    assert {"l", "late", "retardo"} <= set(CODES["present"]["1"])
    assert "withdrawn" in CODES["pass_fail"]["F"]


@pytest.mark.parametrize(
    ("table", "relation"),
    [
        ("mdl_user", "students"),  # Moodle
        ("mdl_assign", "assignment_definitions"),
        ("mdl_assign_submission", "assignment_submissions"),
        ("mdl_quiz_attempts", "quiz_submissions"),
        ("mdl_grade_items", "exam_schedule"),
        ("mdl_grade_grades", "exam_results"),
        ("issues", "book_borrows"),  # Koha
        ("studentVle", "lms_activity"),  # OULAD
        ("studentRegistration", ""),
        ("courses", "subjects"),
        ("tbl_Student_Master", "students"),
        ("Gate Entries", "library_visits"),
        ("Matrícula Alumnos", "students"),
        ("calificaciones", "exam_results"),
        ("préstamos", "book_borrows"),
        ("vidyarthi", "students"),
        ("upasthiti", "attendance"),
        ("Prüfung", ""),  # without its accent it is "prufung", and the list has "pruefung"
        ("invoices", ""),
    ],
)
def test_a_table_of_a_known_name_is_found(table: str, relation: str) -> None:
    drafts = find_tables([SourceTable(table, ())])
    assert [name for name, draft in drafts.items() if draft.table] == [relation][: bool(relation)]
