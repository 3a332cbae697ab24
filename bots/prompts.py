"""The variables of a system prompt: a declared list, written in double braces and replaced by plain text.

``{{ bot_name }}``, ``{{ business_name }}``, ``{{ today }}``, ``{{ language }}``, ``{{ customer_name }}``, and a bot's memory as
``{{ memory.key }}``. Nothing else is read out of a prompt, and what is put in is not read again. An unknown name is refused
when the version is written, with its position; a memory that is not set is empty.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from bots.placeholders import PLACEHOLDER, check_placeholders, fill

VARIABLES = ("bot_name", "business_name", "today", "language", "customer_name")
MEMORY = "memory."
LANGUAGES = {"vi": "Vietnamese", "en": "English"}
LONGEST_VALUE = 500
"""Characters of one value: a customer chooses an own name, and must not write the prompt with it."""
BLANK = re.compile(r"\s+")


@dataclass(frozen=True)
class PromptValues:
    """What stands behind the variables in one conversation."""

    bot_name: str
    business_name: str
    today: date
    language: str = "en"
    customer_name: str = ""
    memories: Mapping[str, str] = field(default_factory=dict)


def check_prompt(text: str, *, field: str = "system_prompt") -> None:
    """Raise ``UnknownPlaceholder`` (422 ``unknown_variable`` with ``position``) for a name that is not declared."""
    check_placeholders(text, known=VARIABLES, family=MEMORY, field=field)


def memory_keys(text: str) -> set[str]:
    """Return the keys of memory that a prompt names, so that only these are read."""
    names = PLACEHOLDER.findall(text)  # of an old prompt, too, that holds what is no name
    return {name.removeprefix(MEMORY) for name in names if name.startswith(MEMORY)}


def personal_variables(text: str) -> list[str]:
    """Return the names in a prompt that stand for something of one customer: what a model answers then is kept for nobody else."""
    names = dict.fromkeys(PLACEHOLDER.findall(text))
    return [name for name in names if name == "customer_name" or name.startswith(MEMORY)]


def tells_the_day(text: str) -> bool:
    """Whether a prompt says which day it is: what a model answers then is kept no longer than that."""
    return "today" in PLACEHOLDER.findall(text)


def fill_prompt(text: str, values: PromptValues) -> str:
    """Return the prompt with every variable replaced, each by one line of at most ``LONGEST_VALUE`` characters."""

    def value_of(name: str) -> str:
        if name.startswith(MEMORY):
            found = values.memories.get(name.removeprefix(MEMORY), "")
        elif name == "language":
            found = LANGUAGES.get(values.language, values.language)
        else:
            found = str(getattr(values, name)) if name in VARIABLES else ""
        return BLANK.sub(" ", found).strip()[:LONGEST_VALUE]

    return fill(text, value_of)
