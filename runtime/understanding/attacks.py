"""Messages that try to make a program do something and ask nothing: no answer is missing to them."""

import re

from runtime.understanding.passage import speaks_to_machines

_CODE = re.compile(
    r"['\";)]\s*(?:drop|delete|insert|update|alter|truncate|shutdown|exec)\s+\w+"
    r"|\bunion\s+(?:all\s+)?select\b|['\"]\s*(?:or|and)\s+['\"]?\w+['\"]?\s*=|;\s*--|'\s*--|\bselect\s+\*\s+from\b"
    r"|\b(?:drop|truncate)\s+(?:table|database)\b|<\s*/?\s*(?:script|iframe|svg|img|object|embed)\b|\bon(?:error|load|click|mouseover)\s*="
    r"|javascript:|\{\{.*\}\}|\{%.*%\}|\$\{.*\}|\$\(.*\)|(?:\.\./){2,}|/etc/passwd",
    re.IGNORECASE,
)
"""Pieces of SQL, markup, templates and paths that no customer writes (the kinds of OWASP's cheat sheets on injection)."""

LOOKED_AT = 2000
"""Letters of a message that are read for them."""


def is_attack(message: str) -> bool:
    """Whether a message holds code, or gives a program that reads it orders."""
    return _CODE.search(message[:LOOKED_AT]) is not None or speaks_to_machines(message[:LOOKED_AT])
