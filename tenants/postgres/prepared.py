"""Statements that each connection plans once, for the few that every turn of a conversation sends.

Planning one of them takes as long as running it, or longer. They are prepared by SQL, in the message that runs them for
the first time on a connection, so that the scope still travels in front. What is prepared names no tenant: who is
asking stands in the parameters and in the scope, which row security reads anew each time.

Behind a pooler in transaction mode the server's session may be another one than last time: what it does not know is
prepared there, what somebody else has prepared is used (a name stands for one text).
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

_NAMED = re.compile(r"%\((\w+)\)s")


class Prepared(str):
    """SQL with parameters such as ``%(tenant)s`` that is prepared where it is sent as a transaction of its own."""

    __slots__ = ()


def numbered(sql: str, params: Sequence[Any]) -> tuple[Prepared, dict[str, Any]]:
    """Return SQL with a list of parameters (``%s``) as one to prepare, and the parameters by name.

    What is told a type by nothing else than a number written beside it needs a cast: ``coalesce(%s, 0)`` is an integer.
    """
    named, names = _named(sql)
    return named, dict(zip(names, params, strict=True))


@lru_cache(maxsize=256)
def _named(sql: str) -> tuple[Prepared, tuple[str, ...]]:
    first, *others = sql.split("%s")
    names = tuple(f"p{place}" for place in range(len(others)))
    return Prepared(first + "".join(f"%({name})s{text}" for name, text in zip(names, others, strict=True))), names


class Form(NamedTuple):
    """A statement as PostgreSQL prepares and executes it; ``names`` are those of the parameters, in their order."""

    name: str
    prepare: str
    execute: str
    names: tuple[str, ...]


@lru_cache(maxsize=256)
def form_of(sql: str) -> Form:
    """Return the form of a statement with named parameters; their types are told by where they stand."""
    names = tuple(dict.fromkeys(_NAMED.findall(sql)))
    numbered = _NAMED.sub(lambda found: f"${names.index(found[1]) + 1}", sql).replace("%%", "%")
    name = f"backroom_{hashlib.sha256(sql.encode()).hexdigest()[:24]}"
    return Form(name, f"PREPARE {name} AS {numbered}", f"EXECUTE {name} ({', '.join(['%s'] * len(names))})", names)
