"""Test that a budget is not exceeded by calls of any cost and order."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from tribolake.oil.wording.budget import Budget
from tribolake.oil.wording.price import OPENAI, OwnPrice, PublishedPrice, Tokens, price_of
from tribolake.settings import load_settings

A_DOLLAR_EACH = OwnPrice(Decimal(1), Decimal(1))
MOST = Tokens(8, 2)
# What a call costs, and how often an attempt at it is lost before it is answered.
CALLS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 3)), max_size=30)


async def spend(budget: Budget, calls: list[tuple[int, int]], spent: list[Decimal]) -> int:
    """Make calls, each in its own task. Returns how many were permitted."""

    async def one(cost: int, losses: int) -> bool:
        reservation = await budget.reserve([MOST, MOST])
        if reservation is None:
            return False
        try:
            for _ in range(losses):
                await asyncio.sleep(0)
                if not reservation.lose(MOST):
                    return True
            await asyncio.sleep(0)
            reservation.spend(Tokens(cost, 0))
        finally:
            assert budget.spent is not None
            spent.append(budget.spent)
            await reservation.settle()
        return True

    return sum(await asyncio.gather(*(one(*call) for call in calls)))


@given(limit=st.integers(0, 200), calls=CALLS)
def test_calls_of_any_cost_never_exceed_the_limit(limit, calls):
    spent: list[Decimal] = []
    permitted = asyncio.run(spend(Budget(Decimal(limit), A_DOLLAR_EACH), calls, spent))
    assert max(spent, default=Decimal(0)) <= limit
    assert permitted or limit < 20 or not calls


@given(calls=CALLS)
def test_waiting_call_is_made_when_another_is_settled(calls):
    """Two calls cost at most 20. What is reserved and not spent is free for the next call."""
    cheap = [(0, 0) for _ in calls]
    assert asyncio.run(spend(Budget(Decimal(20), A_DOLLAR_EACH), cheap, [])) == len(calls)


def test_calls_without_a_limit_are_counted():
    budget = Budget(None, A_DOLLAR_EACH)
    assert asyncio.run(spend(budget, [(7, 0)] * 3, [])) == 3
    assert budget.spent == 21


def test_default_model_has_a_price_with_cheaper_cached_input(tmp_path):
    price = price_of(load_settings(lake=tmp_path, openai_base_url="", ai_model="gpt-4.1-mini"))
    assert price == PublishedPrice("gpt-4.1-mini", OPENAI)
    assert price is not None
    assert 0 < price(Tokens(1000, 10, cached=900)) < price(Tokens(1000, 10))


def test_gateway_or_unknown_model_has_the_operators_price_only(tmp_path):
    gateway = {"lake": tmp_path, "openai_base_url": "http://127.0.0.1:9/v1", "ai_model": "gpt-4.1-mini"}
    assert price_of(load_settings(**gateway)) is None
    assert price_of(load_settings(lake=tmp_path, openai_base_url="", ai_model="none of these")) is None
    price = price_of(load_settings(**gateway, ai_prices="0.4,1.6"))
    assert price is not None
    assert price(Tokens(1_000_000, 1_000_000)) == 2
