"""Keep a budget: the highest possible cost of calls is reserved before they are made.

The budget holds unless a call costs more than its highest possible cost: see `is_short`.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tribolake.oil.wording.price import Price, Tokens


class Budget:
    """What a run may spend, in USD. Without a limit it only counts. Belongs to one event loop.

    Without a price nothing can be counted, and `spent` is None.
    """

    def __init__(self, limit: Decimal | None, price: Price | None) -> None:
        if limit is not None and price is None:
            raise ValueError("a budget needs a price")
        self._limit = limit
        self._price = price
        self._spent = Decimal(0)
        self._reserved = Decimal(0)
        self._settled = asyncio.Condition()

    @property
    def is_limited(self) -> bool:
        return self._limit is not None

    @property
    def spent(self) -> Decimal | None:
        return self._spent if self._price else None

    async def reserve(self, calls: list[Tokens]) -> Reservation | None:
        """Reserve the highest cost of these calls. Returns None where the rest does not suffice.

        Waits for open calls, as they mostly cost less than was reserved.
        """
        most = sum(map(self._cost, calls), Decimal(0))
        async with self._settled:
            while not self._fits(most):
                if not self._reserved:
                    return None
                await self._settled.wait()
            self._reserved += most
        return Reservation(self, most)

    def is_short(self, most: Tokens, spent: Tokens) -> bool:
        """Return whether there is a limit, and a call cost more than was reserved for it."""
        return self.is_limited and self._cost(spent) > self._cost(most)

    async def _settle(self, reservation: Reservation) -> None:
        async with self._settled:
            self._reserved -= reservation.left
            reservation.left = Decimal(0)
            self._settled.notify_all()

    def _fits(self, more: Decimal) -> bool:
        return self._limit is None or self._spent + self._reserved + more <= self._limit

    def _cost(self, tokens: Tokens) -> Decimal:
        return self._price(tokens) if self._price else Decimal(0)


class Reservation:
    """Money that is reserved for calls. What is left when it is settled is free again."""

    def __init__(self, budget: Budget, left: Decimal) -> None:
        self._budget = budget
        self.left = left

    def spend(self, tokens: Tokens) -> None:
        """Count a call that was answered."""
        cost = self._budget._cost(tokens)
        self._budget._spent += cost
        taken = min(cost, self.left)
        self.left -= taken
        self._budget._reserved -= taken

    def lose(self, most: Tokens) -> bool:
        """Count a call that was sent and not answered with its highest cost, as it may be billed.

        Returns:
            Whether as much could be reserved again, for another attempt.
        """
        self.spend(most)
        again = self._budget._cost(most)
        if not self._budget._fits(again):
            return False
        self.left += again
        self._budget._reserved += again
        return True

    async def settle(self) -> None:
        await self._budget._settle(self)
