"""Parameter files of a college over the general ones, and the settings of a process."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from edumetrics import params, settings
from edumetrics.errors import SettingsError
from edumetrics.params import LETTER, Offer, Params
from edumetrics.settings import PROJECT, Settings, create_private_folder, write_private_file

COLLEGE = "relations: {classes: null}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped files, to change."""
    return Path(shutil.copytree(PROJECT / "params", tmp_path / "params"))


def load(folder: Path, own: str = "") -> Params:
    """The parameters of a college whose file has these lines."""
    (folder / "colleges" / "ours.yml").write_text(COLLEGE + own)
    return params.load(folder, "ours")


def test_a_value_of_the_college_wins(folder: Path) -> None:
    loaded = load(folder, "calendar: {weeks_per_semester: 20, midterm_week: null}")
    assert loaded.calendar.weeks_per_semester == 20
    assert loaded.calendar.midterm_week is None
    assert loaded.calendar.endterm_week == 18, "the general file says so"


def test_rules_are_merged_name_by_name(folder: Path) -> None:
    rules = load(folder, "triage: {rules: {similarity: {enabled: true}}}").triage.rules
    assert rules.similarity.enabled
    assert rules.low_attendance.lectures == 3


def test_each_advisor_has_an_offer_of_the_college_or_of_its_own(folder: Path) -> None:
    (folder / "mail.yml").write_text("offers: {default: [tuesday 14:00, Thursday 9:30]}\n")
    own = "mail: {offers: {A1: https://book.college.example/a1, A2: [friday 08:15], A3: null}}"
    mail = load(folder, own).mail
    assert mail.get_offer("A0") == Offer(times=("tuesday 14:00", "thursday 9:30"))
    assert mail.get_offer("A1") == Offer(link="https://book.college.example/a1")
    assert mail.get_offer("A2") == Offer(times=("friday 08:15",))
    assert mail.get_offer("A3") == Offer()


def test_the_shipped_files_offer_nothing_by_themselves(folder: Path) -> None:
    assert load(folder).mail.get_offer("A1") == Offer()


def test_one_sentence_may_differ(folder: Path) -> None:
    plain = load(folder).sentences.reasons
    own = load(folder, "sentences: {reasons: {watchlist: Ours.}}").sentences.reasons
    assert own["watchlist"] == "Ours."
    assert {code: text for code, text in own.items() if code != "watchlist"} == {
        code: text for code, text in plain.items() if code != "watchlist"
    }


def test_slots_are_replaced_as_a_whole(folder: Path) -> None:
    slots = load(folder, 'calendar: {slots: {odd: {offset: 0, starts: "09-01"}}}').calendar.slots
    assert list(slots) == ["odd"]


@pytest.mark.parametrize(
    "name",
    ["batch", "briefing", "calendar", "forecast", "mail", "scoring", "sentences", "triage"],
)
def test_of_a_file_that_a_home_does_not_have_the_shipped_one_is_read(
    name: str, folder: Path
) -> None:
    shipped = getattr(load(folder), name)
    (folder / f"{name}.yml").unlink()
    assert getattr(load(folder), name) == shipped


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ("calendar: {weeks_per_semester: 0}", "weeks_per_semester: Input should be greater"),
        ("triage: {soon: 90}", "the file: Value error, soon must not be above urgent"),
        ("triage: {watch: 45}", "`watch` is now `list_at`"),
        ("triage: {rules: {no_work: {days: 0}}}", "rules.no_work.days: "),
        ("scoring: {pass_mark: 50}", "scoring: Extra inputs"),
        ("views: {'a b': SELECT 1}", "views.a b"),
        ("sentences: {reasons: {nonsense: Ours.}}", "reasons.nonsense is not a known sentence"),
        ("sentences: {reasons: {watchlist: '{{ mood }}'}}", "reasons.watchlist uses mood"),
    ],
)
def test_a_wrong_value_is_named_with_the_file_of_the_college(
    own: str, message: str, folder: Path
) -> None:
    with pytest.raises(SettingsError) as error:
        load(folder, own)
    assert "ours.yml" in str(error.value)
    assert message in str(error.value)


def test_a_wrong_value_of_a_general_file_is_named_with_that_file(folder: Path) -> None:
    (folder / "triage.yml").write_text("list_at: 0")
    with pytest.raises(SettingsError, match=r"triage\.yml: list_at: "):
        load(folder)


@pytest.mark.parametrize(("text", "message"), [("", "must hold names"), ("calendar: [", "as YAML")])
def test_a_file_of_a_college_holds_names_and_values(text: str, message: str, folder: Path) -> None:
    (folder / "colleges" / "ours.yml").write_text(text)
    with pytest.raises(SettingsError, match=message):
        params.load(folder, "ours")


def test_a_folder_may_have_a_letter_of_its_own(folder: Path) -> None:
    (folder / LETTER).write_text("Dear {{ name }}")
    assert load(folder).letter == "Dear {{ name }}"
    (folder / LETTER).unlink()
    assert load(folder).letter == (PROJECT / "params" / LETTER).read_text()


def test_a_letter_that_is_no_text_is_named(folder: Path) -> None:
    (folder / LETTER).write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SettingsError, match=LETTER):
        load(folder)


def test_the_order_of_a_file_does_not_change_the_fingerprint(folder: Path) -> None:
    prints = []
    for text in ("soon: 40\nurgent: 50", "urgent: 50\nsoon: 40", "urgent: 51\nsoon: 40"):
        (folder / "triage.yml").write_text(text)
        prints.append(load(folder).hash_values())
    assert prints[0] == prints[1] != prints[2]


def test_nor_does_the_order_of_a_file_of_a_college(folder: Path) -> None:
    first = load(folder, "triage: {soon: 40, urgent: 50}")
    other = load(folder, "triage: {urgent: 50, soon: 40}")
    assert first == other
    assert first.hash_values() == other.hash_values()


def test_without_any_setting_everything_is_in_the_home(tmp_path: Path) -> None:
    loaded = settings.load({"EDUMETRICS_HOME": str(tmp_path)})
    home = tmp_path.resolve()
    assert loaded == Settings(
        home, "native", f"sqlite:///{home}/data/college.db", f"sqlite:///{home}/data/analysis.db"
    )
    assert (loaded.data, loaded.reports) == (home / "data", home / "reports")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("sqlite:///a/b.db", "sqlite:///{home}/a/b.db"),
        ("sqlite:////srv/b.db", "sqlite:////srv/b.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite:///file:b?mode=ro&uri=true", "sqlite:///file:b?mode=ro&uri=true"),
        ("sqlite://", "sqlite://"),
        ("postgresql://u:p@host/college", "postgresql://u:p@host/college"),
        ("mysql://u@host/college", "mysql://u@host/college"),
    ],
)
def test_a_relative_file_is_in_the_home(url: str, place: str, tmp_path: Path) -> None:
    loaded = settings.load({"EDUMETRICS_HOME": str(tmp_path), "DEFAULT_DB_URL": url})
    assert loaded.default_db_url == place.format(home=tmp_path.resolve())


def test_an_empty_value_counts_as_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("EDUMETRICS_COLLEGE=oulad\nREPLY_TO=\n")
    (tmp_path / ".env").chmod(0o600)
    loaded = settings.load({"EDUMETRICS_HOME": str(tmp_path), "EDUMETRICS_COLLEGE": "", "PAGES_DIR": ""})  # fmt: skip
    assert (loaded.college, loaded.reply_to, loaded.pages_dir) == ("oulad", "", None)


@pytest.mark.parametrize(
    ("name", "value"),
    [("EDUMETRICS_WORKERS", "-1"), ("EDUMETRICS_WORKERS", "two"), ("EDUMETRICS_BACKEND", "spark")],
)
def test_a_value_that_is_not_valid_is_named(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{name} is {value}: set it to"):
        settings.load({"EDUMETRICS_HOME": str(tmp_path), name: value})


def test_a_kernel_gets_no_secret_and_the_same_settings(tmp_path: Path) -> None:
    given = {"EDUMETRICS_HOME": str(tmp_path), "EDUMETRICS_WORKERS": "3", "EDUMETRICS_BACKEND": "dask",
             "EDUMETRICS_SCHEDULER": "tcp://host:8786", "EDUMETRICS_COLLEGE": "oulad"}  # fmt: skip
    secret = {"SECRET_KEY": "hunter2", "SMTP_URL": "smtp://u:hunter2@host", "MAIL_FROM": "a@b.c"}
    loaded = settings.load(given | secret)
    assert (loaded.secret_key, loaded.mail_from) == ("hunter2", "a@b.c")
    assert "hunter2" not in " ".join([*loaded.environ.values(), repr(loaded)])
    assert settings.load(loaded.environ) == settings.load(given)


def test_a_home_may_have_parameters_of_its_own(tmp_path: Path) -> None:
    loaded = settings.load({"EDUMETRICS_HOME": str(tmp_path)})
    assert loaded.params == PROJECT / "params"
    (tmp_path / "params").mkdir()
    assert loaded.params == tmp_path.resolve() / "params"


def test_a_private_folder_is_its_owners(tmp_path: Path) -> None:
    path = create_private_folder(tmp_path / "reports" / "week")
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert create_private_folder(path) == path, "a folder may exist already"


def test_a_folder_in_the_way_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(SettingsError, match=r"Cannot create .*reports/week"):
        create_private_folder(tmp_path / "reports" / "week")


def test_a_private_file_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    path.chmod(0o644)
    assert write_private_file(path, b"new") == path
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path], "no draft is left"


def test_a_private_file_needs_its_folder(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make its folder writable"):
        write_private_file(tmp_path / "missing" / "page.html", b"new")
