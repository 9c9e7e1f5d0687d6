"""Two URLs of one database are known as such, however they are spelt."""

from __future__ import annotations

from pathlib import Path

import pytest

from edumetrics.database import is_same_database

SAME = [
    ("postgresql://a:b@localhost/x", "postgresql+psycopg2://c:d@127.0.0.1:5432/x"),
    ("postgresql://h/x", "postgresql://h:5432/x?sslmode=require"),
    ("mysql://h/x", "mariadb+pymysql://h:3306/x?charset=utf8mb4"),
    ("postgresql:///x?host=/run/pg", "postgresql:///x?host=/run/pg&connect_timeout=3"),
]
OTHER = [
    ("postgresql://h/x", "postgresql://h/y"),
    ("postgresql://h/x", "postgresql://h:5433/x"),
    ("postgresql://h/x", "mysql://h/x"),
    ("postgresql:///x?host=/run/pg", "postgresql:///x?host=/run/other"),
    ("sqlite://", "sqlite:///x.db"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same(one: str, other: str) -> None:
    assert is_same_database(one, other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another(one: str, other: str) -> None:
    assert not is_same_database(one, other)


def test_a_file_has_one_place(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    url = f"sqlite:///{tmp_path}/data/college.db"
    for spelt in ("data/../data/college.db", "./data/college.db", "link/college.db"):
        assert is_same_database(url, f"sqlite:///{tmp_path}/{spelt}")
    assert not is_same_database(url, f"sqlite:///{tmp_path}/data/analysis.db")
