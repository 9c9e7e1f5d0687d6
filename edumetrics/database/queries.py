"""The SELECTs of a mapping: each is parsed, and refused unless it is one query that only reads.

This comes beside the read-only session and the rights of the role, because a text with several
statements could end the session's transaction, and a function can write outside of any.
"""

from __future__ import annotations

import itertools
import logging
import re

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from edumetrics.database.dialects import Sql
from edumetrics.errors import SettingsError

# What changes data, keeps others waiting, or is no query: nowhere in a SELECT.
_FORBIDDEN = (
    exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.NextValueFor, exp.Set, exp.Use,
    exp.Pragma, exp.Attach, exp.Detach, exp.Transaction, exp.Commit, exp.Rollback, exp.Kill,
)  # fmt: skip
# Functions that write, read files, run a text as SQL, reach other servers, lock, wait or change the
# session. The functions of the catalogue of PostgreSQL (pg_...) all do, but those in `_HARMLESS`.
_FUNCTIONS = re.compile(
    r"pg_\w+|lo_\w+|loread|lowrite|dblink\w*|\w*(query|cursor|table|schema|database)_to_xml\w*|"
    r"nextval|setval|lastval|set_config|crosstab\w*|connectby|ts_stat|ts_rewrite|xpath_table|"
    r"load_file|sleep|benchmark|\w*_lock|release_all_locks|master_\w+|source_pos_wait|sys_\w+|"
    r"wait_\w+|load_extension|readfile|writefile|edit|fsdir|zipfile|fts3_tokenizer",
    re.IGNORECASE,
)
_HARMLESS = frozenset({"pg_typeof", "pg_input_is_valid"})
_OPEN = TokenType.L_PAREN

# For syntax that it does not know the parser falls back to a command, which is refused below; its
# own warning would quote the text.
logging.getLogger("sqlglot").setLevel(logging.ERROR)


def parse_query(text: str, dialect: str, what: str) -> str:
    """Return a query of a mapping as it is executed: what was parsed, without its comments.

    Args:
        text: one query, with or without a semicolon at its end.
        dialect: sqlite, postgresql, mysql or mariadb.
        what: whose source it is, for messages.

    Raises:
        SettingsError: it cannot be parsed, is not exactly one query, or does not only read.
    """
    name = Sql(dialect).parser_name
    try:
        # A comment that a server would execute (/*! ... */ of MySQL) is none of the tokens.
        tokens = [*sqlglot.tokenize(text, dialect=name)]
        while tokens and tokens[-1].token_type is TokenType.SEMICOLON:
            tokens.pop()
        plain = _join_tokens(text, tokens)
        statements = sqlglot.parse(plain, dialect=name)
    except (SqlglotError, RecursionError) as error:
        # The parser's message quotes the text around the fault, which is the mapping's own.
        raise SettingsError(
            f"The SELECT for {what} cannot be parsed as one query of {dialect}: correct it."
        ) from error
    query = statements[0] if len(statements) == 1 else None
    if not isinstance(query, exp.Query) or any(query.find_all(*_FORBIDDEN)):
        raise SettingsError(
            f"The mapping of {what} is not exactly one SELECT that only reads: "
            "nothing else is ever executed; correct it."
        )
    if called := _find_function(tokens):
        raise SettingsError(
            f"The SELECT for {what} calls {called}, which does not only read the tables: "
            "take it out."
        )
    return plain


def _join_tokens(text: str, tokens: list[Token]) -> str:
    """Return a text without its comments; all else stays as it is written."""
    # Written anew from the tree of the parser it could mean something else on this server.
    parts: list[str] = []
    end = 0
    for token in tokens:
        gap = " " if parts and token.start > end else ""
        parts.append(gap + text[token.start : token.end + 1])
        end = token.end + 1
    return "".join(parts)


def _find_function(tokens: list[Token]) -> str:
    """Return the first function that a query of a mapping may not call; empty for none."""
    for token, after in itertools.pairwise(tokens):
        named = token.text.lower()
        # PostgreSQL reads U&"\0061" as another name than the one that is written.
        if token.token_type is TokenType.IDENTIFIER and "\\" in named:
            return "a name with a backslash"
        called = after.token_type is _OPEN and _FUNCTIONS.fullmatch(named)
        if called and named not in _HARMLESS:
            return named
    return ""
