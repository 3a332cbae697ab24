"""Where an order stands, by the words of a reply and by the results of tools."""

import re
from collections.abc import Iterable

from django.utils.translation import override

from catalog.models import Order
from runtime.model.clauses import read

_SAID = {
    Order.Status.PENDING: r"pending|awaiting confirmation|not (?:yet )?confirmed|chờ xác nhận|chưa xác nhận",
    Order.Status.CONFIRMED: r"(?:is|was|been) confirmed|(?:đã|được) xác nhận",
    Order.Status.FULFILLED: r"on (?:its|the) way|(?:is|was|been|already) (?:shipped|dispatched|delivered|fulfilled|completed|sent)"
    r"|in transit|out for delivery|(?:đã|đang) (?:được )?(?:giao|gửi|vận chuyển|chuyển)|(?:đang )?trên đường|giao xong|hoàn tất|hoàn thành",
    Order.Status.CANCELLED: r"(?:is|was|been) cancell?ed|(?:đã|bị) (?:bị )?hủy",
}
"""Words for each state, in lower case."""
_STATE = re.compile(r'"status": ?"([^"]{1,40})"|\bstatus: ([^;\n]{1,40})')


def contradicts_state(sentence: str, results: Iterable[str]) -> bool:
    """Whether a sentence tells a state of an order that no result of a tool tells, where they tell any."""
    told = {state for result in results for state in _states_in(result)}
    said = {
        state
        for clause in read(sentence)
        for state, pattern in _SAID.items()
        if re.search(rf"\b(?:{pattern})\b", clause.text.lower()) and not (clause.is_denied and state != Order.Status.PENDING)
    }
    return bool(told) and not sentence.rstrip().endswith("?") and bool(said) and said.isdisjoint(told)


def _states_in(result: str) -> set[str]:
    written = {(one or other).strip().lower() for one, other in _STATE.findall(result)}
    return {str(state.value) for state in Order.Status if not written.isdisjoint(_labels(state))}


def _labels(state: Order.Status) -> set[str]:
    found = {str(state.value)}
    for language in ("en", "vi"):
        with override(language):
            found.add(str(state.label).lower())
    return found
