"""Understanding a shopper's question without a language model: `understand` and `parse_amount`."""

from runtime.understanding.money import Amount, parse_amount
from runtime.understanding.question import Question, Slot, understand, within_budget

__all__ = ["Amount", "Question", "Slot", "parse_amount", "understand", "within_budget"]
