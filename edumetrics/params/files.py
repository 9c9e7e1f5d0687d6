"""Read the parameter files of a college over the general ones; unknown keys are refused."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from edumetrics.errors import SettingsError
from edumetrics.params.base import ParameterModel
from edumetrics.params.batch import BatchParams, MailParams
from edumetrics.params.briefing import Briefing
from edumetrics.params.calendar import Calendar, TermDates
from edumetrics.params.college import CollegeFile
from edumetrics.params.forecast import Forecast
from edumetrics.params.referrals import Referrals
from edumetrics.params.scoring import Scoring
from edumetrics.params.triage import Triage
from edumetrics.sentences import Sentences
from edumetrics.settings import PROJECT

# The template of an email that an advisor may send; a folder of parameters may have its own.
LETTER = "letter.txt.j2"
# The safe loader, in C where PyYAML was built with it: many times as fast.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The parts of a college's file that change what general files say.
PARTS = ("grades", "calendar", "triage", "forecast", "batch", "mail", "briefing", "referrals",
         "sentences")  # fmt: skip


class Params(ParameterModel):
    """All parameters of a run."""

    calendar: Calendar = Calendar()
    scoring: Scoring = Scoring()
    triage: Triage = Triage()
    forecast: Forecast = Forecast()
    batch: BatchParams = BatchParams()
    mail: MailParams = MailParams()
    briefing: Briefing = Briefing()
    referrals: Referrals = Referrals()
    letter: str = ""
    sentences: Sentences
    college: CollegeFile

    def hash_values(self) -> str:
        """Return a hexadecimal fingerprint of all values: equal parameters have equal ones."""
        # Sorted, because a college may write its own values in any order.
        values = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(values.encode()).hexdigest()


M = TypeVar("M", bound=BaseModel)


def load(folder: Path, college: str) -> Params:
    """Read the parameter files of a college.

    Args:
        folder: the folder that holds `calendar.yml`, `scoring.yml` and `colleges/`; of a file that
            it does not have the shipped one is read.
        college: the name of a file in `colleges/`, without its extension.

    Raises:
        SettingsError: a file is missing or is not YAML, a key is unknown, or a value is out of
            range. The message names the file and the key.
    """
    path = find_shipped(folder, f"colleges/{college}.yml")
    if not path.is_file():
        places = (folder / "colleges", PROJECT / "params" / "colleges")
        known = ", ".join(sorted({p.stem for place in places for p in place.glob("*.yml")}))
        raise SettingsError(
            f"There is no file {path}: set EDUMETRICS_COLLEGE to a known college ({known})."
        )
    college_file = _validate_values(CollegeFile, _read_college(path), path)

    def load_part(model: type[M], name: str) -> M:
        own = getattr(college_file, name, {})
        general = find_shipped(folder, f"{name}.yml")
        said = _read_mapping(general)
        # Where the college's file changes a part, a wrong value most likely comes from there.
        return _validate_values(model, _apply_overrides(said, own), path if own else general)

    return Params(
        calendar=load_part(Calendar, "calendar"),
        scoring=load_part(Scoring, "scoring"),
        triage=load_part(Triage, "triage"),
        forecast=load_part(Forecast, "forecast"),
        batch=load_part(BatchParams, "batch"),
        mail=load_part(MailParams, "mail"),
        briefing=load_part(Briefing, "briefing"),
        referrals=load_part(Referrals, "referrals"),
        letter=_read_letter(folder),
        sentences=load_part(Sentences, "sentences"),
        college=college_file,
    )


def _read_college(path: Path) -> dict[str, Any]:
    """Return what a college's file says, with what it takes from ready mappings."""
    said = _read_mapping(path)
    _check_parts(path, said, ("settings", "sources", "views", "relations", *PARTS))
    if "like" in said:
        ready = _read_ready(path, said["like"], said.get("settings"))
        # Of a relation, a view, a setting or a source the college's own goes first.
        for part in ("settings", "sources", "views", "relations", *PARTS):
            if part in ready:
                said[part] = _apply_overrides(ready[part], said.get(part) or {})
    sources = said.get("sources")
    for name, source in sources.items() if isinstance(sources, Mapping) else ():
        if isinstance(source, Mapping) and "like" in source:
            _check_parts(path, source, ("settings",))
            ready = _read_ready(path, source["like"], source.get("settings"))
            # The source's own settings go first, then those of the whole file.
            parts = (ready.get("settings"), said.get("settings"), source.get("settings"))
            settings = {name: value for part in parts for name, value in (part or {}).items()}
            shared = {part: ready.get(part) or {} for part in ("views", "relations")}
            own = {**_get_only_source(ready), **source, "settings": settings, **shared}
            said["sources"] = {**said["sources"], name: own}
    settings = said.get("settings") or {}
    return {
        name: _fill_settings(value, settings) if name in PARTS else value
        for name, value in said.items()
    }


def _get_only_source(ready: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a ready mapping says of the one database that it reads, such as its zone."""
    sources = list((ready.get("sources") or {}).values())
    return dict(sources[0]) if len(sources) == 1 else {}


def _fill_settings(values: object, settings: Mapping[str, Any]) -> Any:
    """Return a part of a college's file in which `"{name}"` is the setting itself."""
    if not isinstance(values, Mapping):
        return values
    filled = {
        key: settings[value[1:-1]]
        if isinstance(value, str) and value[:1] == "{" and value[1:-1] in settings
        else value
        for key, value in values.items()
    }
    # Of a term the SELECTs may need more than the calendar knows.
    if isinstance(terms := filled.get("terms"), list):
        known = TermDates.model_fields
        filled["terms"] = [
            {key: value for key, value in term.items() if key in known} for term in terms
        ]
    return filled


def _read_ready(path: Path, name: object, settings: object) -> dict[str, Any]:
    """Return a ready mapping, from the folder of the college's file or from the project.

    Raises:
        SettingsError: there is none of that name, or a setting is none of its settings.
    """
    found = _look_for(path.parent.parent, name)
    if found is None or found == path:
        raise SettingsError(f"{path}: like: there is no ready mapping {name} beside it.")
    ready = _read_mapping(found)
    known = ready.get("settings") or {}
    strange = sorted(set(settings if isinstance(settings, Mapping) else ()) - set(known))
    if strange:
        raise SettingsError(
            f"{path}: settings: {name} has no setting {strange[0]}: "
            f"its settings are {', '.join(known) or 'none'}."
        )
    return ready


def load_ready(folder: Path, name: str) -> CollegeFile:
    """Return a ready mapping by itself, as `like` names it.

    Raises:
        SettingsError: there is none of that name, or it cannot be read.
    """
    path = find_ready(folder, name)
    return _validate_values(CollegeFile, _read_college(path), path)


def find_ready(folder: Path, name: str) -> Path:
    """Return the file of a ready mapping, the folder's own or the project's.

    Raises:
        SettingsError: there is none of that name.
    """
    found = _look_for(folder, name)
    if found is None:
        raise SettingsError(f"There is no ready mapping {name}: use one of moodle, canvas, koha.")
    return found


def _look_for(folder: Path, name: object) -> Path | None:
    """Return the file of a ready mapping, the folder's own or the project's; None without one."""
    path = find_shipped(folder, f"colleges/{name}.yml")
    return path if path.is_file() else None


def find_shipped(folder: Path, name: str) -> Path:
    """Return a file of a folder of parameters; where it has none, the one that is shipped.

    Raises:
        SettingsError: something stands there that is no file, such as a link to nothing.
    """
    own = folder / name
    if own.is_file():
        return own
    # The shipped file instead would quietly undo what the college has decided, exclusions too.
    if os.path.lexists(own):
        raise SettingsError(f"{own} is there, but is no file: restore it, or remove it.")
    return PROJECT / "params" / name


def read_file(path: Path, model: type[M]) -> M:
    """Return what a YAML file holds, checked.

    Raises:
        SettingsError: it is missing, is not YAML, or has a key or a value that is not allowed.
    """
    return _validate_values(model, _read_mapping(path), path)


def _read_letter(folder: Path) -> str:
    """Return the template of an advisor's email: the folder's own, else the project's."""
    path = find_shipped(folder, LETTER)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read: restore it from the project.") from error


def _apply_overrides(general: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return general values with those of a college, which win.

    A mapping such as rules or reasons is merged name by name, one level down. Calendar slots are
    replaced as a whole.
    """
    merged = dict(general)
    for name, value in own.items():
        # Merged slots would give a college with one slot a year the other one back.
        both = (
            isinstance(value, Mapping)
            and isinstance(general.get(name), Mapping)
            and name != "slots"
        )
        merged[name] = {**general[name], **value} if both else value
    return merged


def _check_parts(path: Path, said: Mapping[str, Any], parts: tuple[str, ...]) -> None:
    """Refuse a part that is to be merged, but holds no names and values."""
    for part in parts:
        if said.get(part) is not None and not isinstance(said[part], Mapping):
            raise SettingsError(f"{path}: {part}: write names and values, as `name: value`.")


def _read_mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)
    except FileNotFoundError:
        raise SettingsError(
            f"The parameter file {path} is missing: restore it from the project."
        ) from None
    # A day such as 30 February, or a file that nests without end, is no error of the parser's own.
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise SettingsError(
            # The parser's message has several lines; a message here is one sentence.
            f"{path} cannot be read as YAML ({' '.join(str(error).split())})."
        ) from error
    if not isinstance(content, Mapping):
        raise SettingsError(
            f"{path} must hold names and values: write lines such as `name: value`."
        )
    return dict(content)


def _validate_values(model: type[M], values: dict[str, Any], path: Path) -> M:
    """Return a model of the values in a file; the error names the first wrong key."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"{path}: {where}: {first['msg']}.") from error
