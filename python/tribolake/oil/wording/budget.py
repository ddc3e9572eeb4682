"""A budget that is never exceeded: the most that calls can cost is put aside before they are made.

That holds as long as no call costs more than its most: `is_short` says of one that did.
"""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tribolake.oil.wording.price import Price, Tokens


class Budget:
    """What a run may spend, in USD; without a limit it only counts. Belongs to one event loop.

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
        """Put the most that these calls can cost aside; None where the rest does not suffice.

        While other calls are under way it waits: they mostly cost less than was put aside for them.
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
        """Whether there is a limit, and a call cost more than the most that was put aside for it."""
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
    """Money put aside for calls; whatever they did not cost is free again when it is settled."""

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
        """Count a call that was sent and not answered at its highest cost: it may be billed.

        Returns:
            Whether as much could be put aside again, for another attempt.
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
