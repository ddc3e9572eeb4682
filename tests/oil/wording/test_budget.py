"""A budget is never exceeded, whatever calls cost and in whichever order they end."""

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
    """Make calls, each in a task of its own; returns how many were permitted."""

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
def test_given_any_calls_then_no_more_is_spent_than_the_limit(limit, calls):
    spent: list[Decimal] = []
    permitted = asyncio.run(spend(Budget(Decimal(limit), A_DOLLAR_EACH), calls, spent))
    assert max(spent, default=Decimal(0)) <= limit
    assert permitted or limit < 20 or not calls


@given(calls=CALLS)
def test_given_cheap_calls_then_one_that_has_to_wait_is_made_when_another_is_settled(calls):
    """Two calls at their worst are 20; all that is put aside but not spent is there for the next one."""
    cheap = [(0, 0) for _ in calls]
    assert asyncio.run(spend(Budget(Decimal(20), A_DOLLAR_EACH), cheap, [])) == len(calls)


def test_given_no_limit_then_all_is_permitted_and_counted():
    budget = Budget(None, A_DOLLAR_EACH)
    assert asyncio.run(spend(budget, [(7, 0)] * 3, [])) == 3
    assert budget.spent == 21


def test_given_the_model_of_the_default_then_its_price_is_known_and_cached_input_is_cheaper(tmp_path):
    price = price_of(load_settings(lake=tmp_path, openai_base_url="", ai_model="gpt-4.1-mini"))
    assert price == PublishedPrice("gpt-4.1-mini", OPENAI)
    assert price is not None
    assert 0 < price(Tokens(1000, 10, cached=900)) < price(Tokens(1000, 10))


def test_given_a_gateway_or_an_unknown_model_then_there_is_no_price_but_the_operators(tmp_path):
    gateway = {"lake": tmp_path, "openai_base_url": "http://127.0.0.1:9/v1", "ai_model": "gpt-4.1-mini"}
    assert price_of(load_settings(**gateway)) is None
    assert price_of(load_settings(lake=tmp_path, openai_base_url="", ai_model="none of these")) is None
    price = price_of(load_settings(**gateway, ai_prices="0.4,1.6"))
    assert price is not None
    assert price(Tokens(1_000_000, 1_000_000)) == 2
