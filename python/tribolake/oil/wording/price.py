"""What tokens cost: by the prices that providers publish (genai-prices, on this machine), or by the operator's word."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from tribolake.settings import Settings

OPENAI = "https://api.openai.com/v1"
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Tokens:
    """Tokens that an endpoint counted; those that it had in its cache are among the input."""

    input: int = 0
    output: int = 0
    cached: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.input + other.input, self.output + other.output, self.cached + other.cached)


class Price(Protocol):
    """USD for tokens of one model."""

    def __call__(self, tokens: Tokens) -> Decimal: ...


@dataclass(frozen=True)
class OwnPrice:
    """USD per token as the operator says; cached input costs as much as other input."""

    input: Decimal
    output: Decimal

    def __call__(self, tokens: Tokens) -> Decimal:
        return tokens.input * self.input + tokens.output * self.output


@dataclass(frozen=True)
class PublishedPrice:
    """The provider's price."""

    model: str
    endpoint: str

    def __call__(self, tokens: Tokens) -> Decimal:
        from genai_prices import Usage, calc_price  # noqa: PLC0415 - reads its table, a quarter of a second

        usage = Usage(input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached)
        return Decimal(calc_price(usage, self.model, provider_api_url=self.endpoint).total_price)


def price_of(settings: Settings) -> Price | None:
    """The price of the model that the settings name; None where nobody knows it.

    An endpoint that is no provider's own, such as a gateway, has no published price, whatever its model is called.
    """
    if settings.model.prices is not None:
        dollars_in, dollars_out = map(Decimal, settings.model.prices.split(","))
        return OwnPrice(dollars_in / MILLION, dollars_out / MILLION)
    published = PublishedPrice(settings.model.name, settings.model.base_url or OPENAI)
    try:
        published(Tokens(1, 1))
    except LookupError:
        return None
    return published
