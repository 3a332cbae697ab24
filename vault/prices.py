"""What a call of a model costs: arithmetic on counts of tokens and prices, without a database.

OpenAI's protocol counts cached tokens inside ``prompt_tokens`` and reasoning tokens inside ``completion_tokens``
(PROTOCOLS 2.6). Here each token is billed exactly once: the parts at their own price where they have one, the rest at
the price of the whole. Prices are per 1,000,000 tokens with six decimals, so twelve decimals hold every cost exactly:
nothing is rounded until somebody reads it.
"""

from dataclasses import dataclass
from decimal import Decimal, localcontext

PER = 1_000_000
"""Tokens that a price is for."""


@dataclass(frozen=True)
class Prices:
    """Prices of 1,000,000 tokens; None for a part that costs what the whole does."""

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    reasoning: Decimal | None = None


@dataclass(frozen=True)
class Tokens:
    """What a call used. ``cached_input`` is a part of ``input``, ``reasoning`` a part of ``output``."""

    input: int
    output: int = 0
    cached_input: int = 0
    reasoning: int = 0

    def __post_init__(self) -> None:
        """Keep the parts inside their wholes, whatever a server has counted: a part is never billed beyond it."""
        for name in ("input", "output", "cached_input", "reasoning"):
            object.__setattr__(self, name, max(0, getattr(self, name)))
        object.__setattr__(self, "cached_input", min(self.cached_input, self.input))
        object.__setattr__(self, "reasoning", min(self.reasoning, self.output))


def cost(tokens: Tokens, prices: Prices) -> Decimal:
    """Return the exact cost in the currency of the prices."""
    cached = prices.input if prices.cached_input is None else prices.cached_input
    reasoning = prices.output if prices.reasoning is None else prices.reasoning
    with localcontext() as context:
        context.prec = 60
        total = (
            (tokens.input - tokens.cached_input) * prices.input
            + tokens.cached_input * cached
            + (tokens.output - tokens.reasoning) * prices.output
            + tokens.reasoning * reasoning
        )
        return total / PER
