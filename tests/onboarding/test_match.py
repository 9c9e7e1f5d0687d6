"""A table and a column are matched by name, key, reference and kind of values, in this order of trust."""

from __future__ import annotations

import itertools

import pytest

from edumetrics.fields import RELATIONS
from edumetrics.onboarding.match import DraftRelation, find_tables, normalize_name
from edumetrics.onboarding.profile import SourceTable
from tests.onboarding.sources import make_table

STUDENTS = make_table("students", "student_id", student_id="text", class_id="text", name="text")


def match(table: SourceTable, *others: SourceTable, relation: str = "students") -> DraftRelation:
    draft = find_tables([table, *others])[relation]
    assert draft.table == table
    return draft


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Student Master", "student_master"),
        ("rollNumber", "roll_number"),
        ("mdl_user", "user"),
        ("tbl", "tbl"),  # a name that is nothing but a prefix stays
        ("Año-Académico", "ano_academico"),
        ("calificaciones", "calificacion"),
        ("examenes", "examen"),
        ("profesores", "profesor"),
        ("unidades", "unidad"),
        ("studies", "study"),
        ("class", "class"),
        ("status", "status"),
        ("bus", "bus"),  # too short for a plural
        ("registro_de_la_asistencia", "registro_asistencia"),
        ("Date of Joining", "date_joining"),
    ],
)
def test_names_are_compared_without_accents_prefix_capitals_and_plural(
    name: str, normal: str
) -> None:
    assert normalize_name(name) == normal


# ------------------------------------------------------------ tables


def test_every_relation_has_a_draft_and_most_have_no_table() -> None:
    drafts = find_tables([STUDENTS])
    assert list(drafts) == list(RELATIONS)
    assert [name for name, draft in drafts.items() if draft.table] == ["students"]


def test_the_better_name_wins_and_no_table_is_used_twice() -> None:
    users = make_table("users", "id", id="whole", name="text")
    drafts = find_tables([users, STUDENTS])
    assert drafts["students"].table == STUDENTS
    assert users not in [draft.table for draft in drafts.values()]


def test_a_name_like_it_needs_columns_as_well() -> None:
    bare = make_table("old_student_photos", photo="bytes")
    assert find_tables([bare])["students"].table is None
    full = make_table("student_records_2026", "student_id", student_id="text", name="text")
    assert find_tables([full])["students"].table == full


def test_columns_alone_decide_only_where_they_are_many_and_special() -> None:
    looks = {"student_id": "text", "class_id": "text", "subject_id": "text", "semester": "whole"}
    ledger = make_table(
        "ledger", id="whole", week="whole", lectures_held="whole", present="whole",
        week_date="date", **looks,
    )  # fmt: skip
    assert find_tables([ledger])["attendance"].table == ledger
    plain = make_table("ledger", id="whole", week="whole", **looks)
    assert find_tables([plain])["attendance"].table is None


def test_the_order_of_the_tables_changes_nothing() -> None:
    tables = [
        STUDENTS,
        make_table("pupils", "id", id="whole", name="text"),
        make_table("marks", "id", id="whole", student="text", score="number"),
        make_table("results", "id", id="whole", student="text", score="number"),
    ]
    drafts = [find_tables(order) for order in itertools.permutations(tables)]
    assert all(draft == drafts[0] for draft in drafts)
    assert drafts[0]["exam_results"].table == tables[3]


def test_a_table_without_columns_is_found_by_its_name_and_lacks_everything() -> None:
    draft = match(SourceTable("students", ()))
    assert draft.found == {}
    assert draft.missing == ["student_id", "class_id", "name"]


# ------------------------------------------------------------ columns


@pytest.mark.parametrize(
    ("column", "look", "wanted", "word", "why"),
    [
        ("joined_on", "date", "joined_on", "sure", "its name"),
        ("joined_on", "whole", "joined_on", "guess", "its name, but it holds whole"),
        ("admitted", "date", "joined_on", "guess", "a name for it, holds date"),
        ("admitted", "seconds", "joined_on", "guess", "a name for it, holds seconds"),
        ("sex", "text", "gender", "guess", "a name for it"),
        ("final_leaving_date", "date", "withdrawn_on", "guess", "a name like it, holds date"),
        ("email", "text", "email", "guess", "its name, but it holds text"),
        ("email", "address", "email", "sure", "its name"),
        ("mail", "empty", "email", "guess", "a name for it"),
        ("entrance_score", "percent sign", "entry_score", "guess", "a name for it, holds percent sign"),
    ],
)  # fmt: skip
def test_a_column_is_matched_with_a_word_and_a_reason(
    column: str, look: str, wanted: str, word: str, why: str
) -> None:
    table = make_table(
        "students", "student_id", student_id="text", class_id="text", name="text",
        **{column: look},
    )  # fmt: skip
    found = match(table).found[wanted]
    assert (found.column.name, found.word, found.why) == (column, word, why)


@pytest.mark.parametrize(
    ("column", "look"),
    [("admitted", "whole"), ("mail", "text"), ("entrance_score", "text"), ("shoe_size", "whole")],
)
def test_a_synonym_whose_values_do_not_fit_is_left_alone(column: str, look: str) -> None:
    table = make_table(
        "students", "student_id", student_id="text", class_id="text", name="text",
        **{column: look},
    )  # fmt: skip
    assert set(match(table).found) == {"student_id", "class_id", "name"}


def test_a_key_is_sure_whatever_its_name_is() -> None:
    draft = match(make_table("students", "prn", prn="whole", name="text"))
    assert (draft.found["student_id"].word, draft.found["student_id"].why) == ("sure", "the key")


def test_a_reference_is_sure_where_its_table_is_matched() -> None:
    targets = {"who": ("students", "student_id")}
    attendance = make_table("attendance", "id", targets, id="whole", who="text", present="whole")
    found = match(attendance, STUDENTS, relation="attendance").found["student_id"]
    assert (found.word, found.why) == ("sure", "points to students")
    alone = find_tables([attendance])["attendance"].found
    assert "student_id" not in alone, "nobody knows what `who` points to"


def test_a_reference_to_the_table_itself_is_no_reference() -> None:
    targets = {"captain": ("students", "student_id")}
    table = make_table("students", "student_id", targets, student_id="text", captain="text")
    assert set(match(table).found) == {"student_id"}


def test_a_column_is_used_once_for_what_it_fits_best() -> None:
    table = make_table("students", "roll_number", roll_number="text", name="text")
    draft = match(table)
    assert draft.found["roll_number"].column.name == "roll_number"
    assert "student_id" in draft.missing, "the same column is not the key as well"


@pytest.mark.parametrize(
    ("look", "type_", "fits"),
    [
        ("whole", "integer", True),
        ("words of present", "text", True),
        ("words of attempted", "boolean", True),
        ("text", "boolean", True),
        ("text", "text", False),
        ("date", "text", False),
    ],
)
def test_presence_is_written_in_numbers_words_or_yes_and_no(
    look: str, type_: str, fits: bool
) -> None:
    table = make_table(
        "attendance", "id", None, {"status": type_}, id="whole", student_id="text", status=look
    )
    assert ("present" in match(table, relation="attendance").found) is fits


def test_a_column_of_type_date_may_hold_anything_that_its_driver_returns() -> None:
    types = {"admitted": "timestamp without time zone"}
    table = make_table("students", "id", None, types, id="whole", admitted="text")
    assert "joined_on" in match(table).found


def test_missing_are_required_columns_and_those_without_which_a_mapping_is_no_use() -> None:
    table = make_table("attendance", "id", id="whole", student_id="text", week="whole")
    assert match(table, relation="attendance").missing == [
        "class_id", "subject_id", "semester", "week_date", "lectures_held", "present",
    ]  # fmt: skip
