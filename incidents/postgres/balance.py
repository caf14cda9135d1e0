"""The books: what came in must be what is there, line by line, by queries that anyone can run (balance.sql)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from incidents.postgres.connection import Connection, one_moment
from incidents.postgres.queries import named, sentence

_SQL = named("balance.sql")
_NOT_A_LINE = frozenset({"origins"})


@dataclass(frozen=True, slots=True)
class Line:
    """One line: two counts taken in one snapshot that must be equal, and the statement that took them."""

    name: str
    zh: str
    en: str
    left: int
    right: int
    sql: str

    @property
    def exact(self) -> bool:
        """Whether it balances, to the unit."""
        return self.left == self.right


@dataclass(frozen=True, slots=True)
class Books:
    """All lines, and how many events of each origin came to what (origin, outcome, count)."""

    lines: tuple[Line, ...]
    origins: tuple[tuple[str, str, int], ...]

    @property
    def exact(self) -> bool:
        """Whether every line balances."""
        return all(line.exact for line in self.lines)


def read(conn: Connection) -> Books:
    """The books of one moment: all lines see the same snapshot, whatever is being written meanwhile."""
    with one_moment(conn):
        conn.execute("SET TRANSACTION READ ONLY")
        lines = tuple(_line(conn, name) for name in _SQL if name not in _NOT_A_LINE)
        origins = tuple(conn.execute(_SQL["origins"]).fetchall())
    return Books(lines, origins)


def table(books: Books) -> str:
    """The books for a person: must, found, the words; what does not balance is marked."""
    rows = [*_table(books.lines), ""]
    rows += [f"  {origin}/{outcome}: {count}" for origin, outcome, count in books.origins]
    wrong = sum(not line.exact for line in books.lines)
    rows.append(
        "账目相符 / the books balance"
        if books.exact
        else f"{wrong} 行不符 / {wrong} lines do not balance (--sql shows how each was counted)"
    )
    return "\n".join(rows)


def _table(lines: Iterable[Line]) -> list[str]:
    return [
        f"{'✓' if line.exact else '✗'} {line.left:>14} {line.right:>14}  {line.name:<17} {line.zh} / {line.en}"
        for line in lines
    ]


def _line(conn: Connection, name: str) -> Line:
    row = conn.execute(_SQL[name]).fetchone()
    assert row is not None
    zh, _, en = sentence("balance.sql", name).partition(" / ")
    return Line(name, zh, en, int(row[0]), int(row[1]), _SQL[name])
