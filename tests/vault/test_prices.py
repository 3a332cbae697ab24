"""What a call costs: exact to the last decimal, every token once, the same sum as on the provider's invoice."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vault.prices import Prices, Tokens, cost

# Price lists as providers print them: per million tokens, in dollars.
FULL = Prices(input=Decimal("2.50"), cached_input=Decimal("1.25"), output=Decimal("10.00"))
SMALL = Prices(input=Decimal("0.15"), cached_input=Decimal("0.075"), output=Decimal("0.60"))
REASONER = Prices(input=Decimal("1.10"), cached_input=Decimal("0.55"), output=Decimal("4.40"), reasoning=Decimal("6.00"))
EMBEDDER = Prices(input=Decimal("0.02"), output=Decimal(0))

INVOICES = [
    # input 1,000,000 of which 400,000 cached; output 250,000: 0.6 x 2.50 + 0.4 x 1.25 + 0.25 x 10.00
    (FULL, [Tokens(1_000_000, 250_000, 400_000)], "4.50"),
    # A month of 30,000 equal calls, 1,200 in (1,024 of them cached) and 180 out:
    # 5.28M x 0.15 + 30.72M x 0.075 + 5.4M x 0.60 = 0.792 + 2.304 + 3.24
    (SMALL, [Tokens(1_200, 180, 1_024)] * 30_000, "6.34"),
    # Reasoning stands inside the output: 700,000 out of which 500,000 reasoned, 2,000,000 in
    # 2 x 1.10 + 0.2 x 4.40 + 0.5 x 6.00 = 2.20 + 0.88 + 3.00
    (REASONER, [Tokens(2_000_000, 700_000, 0, 500_000)], "6.08"),
    # Without a price of its own, reasoning costs what other output does: 1 x 2.50 + 0.1 x 10.00
    (FULL, [Tokens(1_000_000, 100_000, 0, 90_000)], "3.50"),
    # Ten million texts of 13 tokens each: 130M x 0.02; a cent rounded away on each would be 100,000 dollars
    (EMBEDDER, [Tokens(13)] * 1_000 + [Tokens(13 * 9_999_000)], "2.60"),
    (FULL, [], "0.00"),
]

tokens = st.builds(Tokens, *[st.integers(0, 10**9)] * 4)
amounts = st.decimals(0, 10**6, places=6)
prices = st.builds(Prices, amounts, amounts, st.none() | amounts, st.none() | amounts)


@pytest.mark.parametrize(("listed", "calls", "invoiced"), INVOICES)
def test_the_sum_of_the_calls_is_the_invoice_to_the_cent(listed, calls, invoiced):
    total = sum((cost(call, listed) for call in calls), Decimal(0))
    assert total.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP) == Decimal(invoiced)


@given(tokens, prices)
def test_every_token_is_billed_once_at_exactly_one_price(used, listed):
    parts = [
        (used.input - used.cached_input, listed.input),
        (used.cached_input, listed.input if listed.cached_input is None else listed.cached_input),
        (used.output - used.reasoning, listed.output),
        (used.reasoning, listed.output if listed.reasoning is None else listed.reasoning),
    ]
    assert sum(count for count, _price in parts) == used.input + used.output
    micro = sum(count * int(price * 10**6) for count, price in parts)
    assert cost(used, listed) == Decimal(micro).scaleb(-12)


@given(tokens, prices)
def test_a_cost_needs_no_more_than_the_twelve_decimals_of_its_column(used, listed):
    amount = cost(used, listed)
    assert amount >= 0
    assert -amount.normalize().as_tuple().exponent <= 12


@given(st.integers(-(10**6), 10**9), st.integers(-(10**6), 10**9))
def test_a_part_that_a_server_counts_beyond_its_whole_is_not_billed_beyond_it(whole, part):
    used = Tokens(input=whole, cached_input=part, output=whole, reasoning=part)
    assert 0 <= used.cached_input <= used.input
    assert 0 <= used.reasoning <= used.output
    flat = Prices(Decimal(1), Decimal(1))
    assert cost(used, flat) == Decimal(2 * max(0, whole)) / 1_000_000
