"""`colleges/NAME.yml`: in which databases a college's relations are, and how each is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import Field, model_validator

from edumetrics.params.base import ParameterModel

# Names become names in SQL, so only plain identifiers are allowed.
Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
# What a college is that does not speak of sources: one database.
ONLY, ONLY_URL = "college", "CLIENT_DB_URL"
URL_NAME = r"^[A-Z][A-Z0-9_]*_DB_URL$"


class Grades(ParameterModel):
    """Which grades of the college fail; of other grades students pass."""

    fail: tuple[str, ...] = ()


class Place(ParameterModel):
    """Where a relation or a view comes from.

    Attributes:
        source: the name of one of `sources`; in YAML it is `from`.
        select: a table, or a SELECT; None for what the ready mapping of the source says.
        kind: a `crosswalk` is a small table of ids, which SELECTs of every source may join.
        once: whether the whole relation is read once and kept while the college is open: right for
            what is counted out of a large log.
    """

    source: str = Field(default="", alias="from")
    select: str | None = None
    kind: Literal["", "crosswalk"] = ""
    once: bool = False


class SourceDatabase(ParameterModel):
    """One database of a college.

    Attributes:
        url_env: the setting that holds its URL.
        time_zone: the zone of moments without a zone; the college's where empty.
        newest: a SELECT of the newest moment (seconds since 1970, or a timestamp) that stands in a
            copy, which says how old the copy is; without one its server's clock decides.
        like: the ready mapping whose relations and views it has.
        settings: what differs from the settings of that mapping.
    """

    url_env: str = Field(default=ONLY_URL, pattern=URL_NAME)
    time_zone: str = ""
    newest: str = ""
    like: str = ""
    settings: dict[Name, Any] = {}
    views: dict[Name, str | Place] = {}
    relations: dict[str, str | Place | None] = {}

    @model_validator(mode="after")
    def _check_zone(self) -> Self:
        if self.time_zone and self.time_zone not in available_timezones():
            raise ValueError(f"time_zone {self.time_zone!r} is not a known time zone")
        return self


@dataclass(frozen=True)
class SourceMapping:
    """What is read of one database, with everything that its SELECTs may name.

    Attributes:
        name: what the mapping calls the source.
        source: its database.
        settings: what stands for `{name}` in a SELECT.
        views: SELECTs that others may name like tables.
        relations: for each relation that it holds a table or a SELECT.
        once: the relations that are read once and kept.
    """

    name: str
    source: SourceDatabase
    settings: Mapping[str, Any]
    views: Mapping[str, str]
    relations: Mapping[str, str]
    once: frozenset[str]


class CollegeFile(ParameterModel):
    """`colleges/NAME.yml`: where each relation comes from, and which parameters differ.

    `views` are SELECTs that several relations share, in any order. `settings` stand for `{name}` in
    all SELECTs. A file that is `like` a ready mapping has everything of it, and its own goes first.
    """

    like: str = ""
    settings: dict[Name, Any] = {}
    sources: dict[Name, SourceDatabase] = {}
    # None: the college does not have this relation.
    relations: dict[str, str | Place | None] = {}
    views: dict[Name, str | Place] = {}
    # Of a ready mapping: the tables by which its kind of database is known, and the SELECTs that
    # find its settings there.
    tables: tuple[str, ...] = ()
    find: dict[Name, str] = {}
    grades: Grades = Grades()
    # Checked only after they are merged with the general files.
    calendar: dict[str, Any] = {}
    triage: dict[str, Any] = {}
    forecast: dict[str, Any] = {}
    batch: dict[str, Any] = {}
    mail: dict[str, Any] = {}
    briefing: dict[str, Any] = {}
    referrals: dict[str, Any] = {}
    sentences: dict[str, Any] = {}

    @model_validator(mode="after")
    def _check_places(self) -> Self:
        for kind, said in (("relations", self.relations), ("views", self.views)):
            for name, entry in said.items():
                if entry is not None:
                    self._check_place(f"{kind}.{name}", _read_place(entry))
        return self

    def _check_place(self, where: str, place: Place) -> None:
        """Raise ValueError where a relation or view comes from no known source, or from nowhere."""
        known = ", ".join(self.sources) or "none, because `sources` is not given"
        if place.source and place.source not in self.sources:
            raise ValueError(f"{where} is from {place.source}, which is no source: known: {known}")
        if not place.source and len(self.sources) > 1:
            raise ValueError(f"{where} must say from which source it is: {known}")
        name = where.partition(".")[2]
        source = self.sources.get(place.source)
        shared = source is not None and source.like and name in source.relations
        if place.select is None and not (shared and where.startswith("relations")):
            raise ValueError(f"{where} has no select")

    @property
    def databases(self) -> dict[str, SourceDatabase]:
        """Each source by name; the only one where the file does not speak of sources."""
        return self.sources or {ONLY: SourceDatabase()}

    @property
    def crosswalks(self) -> dict[str, Place]:
        """The views of ids that SELECTs of every source may join."""
        places = {name: self._place(entry) for name, entry in self.views.items()}
        return {name: place for name, place in places.items() if place.kind == "crosswalk"}

    def list_views(self) -> dict[str, str]:
        """Return the SELECT of each view, wherever it comes from."""
        return {name: _read_place(entry).select or "" for name, entry in self.views.items()}

    def list_sources(self) -> Iterator[SourceMapping]:
        """Yield what is read of each source."""
        for name, source in self.databases.items():
            shared, kept = source.relations, set()
            relations = {}
            for relation, place in self.places.items():
                if place.source == name:
                    own = _read_place(shared.get(relation) or "")
                    relations[relation] = place.select or own.select or ""
                    kept |= {relation} if place.once or own.once else set()
            own_views = {
                view: place.select or ""
                for view, place in ((v, self._place(entry)) for v, entry in self.views.items())
                if place.source == name and place.kind != "crosswalk"
            }
            views = {view: _read_place(entry).select or "" for view, entry in source.views.items()}
            settings = {**self.settings, **source.settings}
            yield SourceMapping(
                name, source, settings, views | own_views, relations, frozenset(kept)
            )

    @property
    def places(self) -> dict[str, Place]:
        """Where each relation that the college has comes from."""
        return {name: self._place(entry) for name, entry in self.relations.items() if entry}

    def _place(self, entry: str | Place) -> Place:
        place = _read_place(entry)
        source = place.source or next(iter(self.databases))
        return place.model_copy(update={"source": source})


def _read_place(entry: str | Place) -> Place:
    return Place(select=entry) if isinstance(entry, str) else entry
