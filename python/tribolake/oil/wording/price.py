"""Cost of tokens, by the published prices (genai-prices, which is offline) or by the operator's prices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from tribolake.libraries import library
from tribolake.settings import Settings

genai_prices = library("genai_prices")  # reads its table, a quarter of a second

OPENAI = "https://api.openai.com/v1"
MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Tokens:
    """Tokens that an endpoint counted. Input includes cached tokens."""

    input: int = 0
    output: int = 0
    cached: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(self.input + other.input, self.output + other.output, self.cached + other.cached)


Price = Callable[[Tokens], Decimal]  # USD for tokens of one model


@dataclass(frozen=True)
class OwnPrice:
    """USD per token of the operator. Cached input costs as much as other input."""

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
        usage = genai_prices.Usage(
            input_tokens=tokens.input, output_tokens=tokens.output, cache_read_tokens=tokens.cached
        )
        return Decimal(genai_prices.calc_price(usage, self.model, provider_api_url=self.endpoint).total_price)


def price_of(settings: Settings) -> Price | None:
    """Return the price of the settings' model, or None where it is not known.

    An endpoint that is not the provider's own, such as a gateway, has no published price for any model.
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
