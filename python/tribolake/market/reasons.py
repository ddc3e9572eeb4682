"""Why values are undefined: a JSON text per session, with a reason by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from itertools import compress

import numpy as np
import pyarrow as pa

from tribolake.market.windows import Values


class Reasons:
    """Says why values of one computation are undefined. Sessions and tickers with the same reasons share a text.

    Args:
        why: gets a name and the number of a session, from 1.
        settled: the number from which on a session has the reasons of any later one.
    """

    def __init__(self, why: Callable[[str, int], str], settled: int) -> None:
        self._why, self._settled = why, settled
        self._texts: dict[tuple[int, int], str | None] = {}

    def of(self, values: Mapping[str, Values], before: int = 0) -> pa.Array:
        """Say why values are NaN, in a text per session. Null where all are there.

        Args:
            values: values by name, one per session; always of the same names.
            before: how many sessions of the ticker were before the first one.
        """
        missing = np.isnan(list(values.values()))
        patterns = (1 << np.arange(len(missing))) @ missing
        numbers = np.minimum(np.arange(missing.shape[1]) + before + 1, self._settled)
        cases, case_of = np.unique(patterns * (self._settled + 1) + numbers, return_inverse=True)
        names = list(values)
        texts = [self._text(names, *divmod(case, self._settled + 1)) for case in cases.tolist()]
        return pa.array(texts, pa.string()).take(pa.array(case_of))

    def _text(self, names: list[str], pattern: int, session: int) -> str | None:
        """Explain the names whose bits a pattern has."""
        if (pattern, session) not in self._texts:
            undefined = compress(names, (pattern >> bit & 1 for bit in range(len(names))))
            reasons = {name: self._why(name, session) for name in undefined}
            self._texts[pattern, session] = json.dumps(reasons) if reasons else None
        return self._texts[pattern, session]
