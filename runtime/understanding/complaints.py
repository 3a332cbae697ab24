"""Complaints: whoever is angry is told a sorry, and not that something is not known."""

import re

from tenants.text import nfc

_SAID = re.compile(
    r"\b(?:(?:complain|complaint|complaints|terrible|awful|unacceptable|disappointed|disappointing|rude|horrible|disgusting|scam|"
    r"ripped off|worst|outrageous|ridiculous)|(?:quá|rất|thật|hơi) tệ|tệ (?:quá|lắm|hại)|tồi tệ|thất vọng|bực mình|bực (?:quá|lắm)|"
    r"khiếu nại|phàn nàn|lừa đảo|vô trách nhiệm|bất lịch sự|không chấp nhận được|"
    r"qua te|that vong|buc minh|khieu nai|phan nan|lua dao|vo trach nhiem|bat lich su)\b"
)


def complains(message: str) -> bool:
    """Whether a message complains, in so many words."""
    return _SAID.search(nfc(message.lower())) is not None
