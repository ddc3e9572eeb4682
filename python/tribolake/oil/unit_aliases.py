"""Find units of a client that are probably one unit under two names."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

from tribolake.oil.product import OIL
from tribolake.run.warehouse import open_built, rows_of
from tribolake.settings import Settings

COLUMNS = ("client", "unit", "alias_of", "reason")
# A fleet has T_09 and T_10, and CA_20 and CF_20. So another digit says nothing, and another letter only where no other
# unit has these letters. A common serial number makes up for either.
LIKELY_PAIRS = r"""
    with
    units as (
        select
            lower(client) as client,
            unitId as unit,
            count(*) as samples,
            max(sampleTimestamp) as newest,
            list(distinct componentNameNormalized) as components,
            list(distinct sampleDate) as dates,
            list(distinct machineSerialNumber) filter (where length(machineSerialNumber) > 3) as serial_numbers,
            regexp_replace(upper(strip_accents(unitId)), '[^A-Z0-9]', '', 'g') as plain,
            regexp_replace(regexp_replace(upper(strip_accents(unitId)), '[^A-Z0-9]', '', 'g'), '[0-9]', '', 'g')
                as letters
        from silver.samples
        where $clients is null or list_contains($clients, lower(client))
        group by all
    ),

    keyed as (
        select
            *,
            regexp_replace(plain, '(^|[^0-9])0+([0-9])', '\1\2', 'g') as without_zeros,
            count(*) over (partition by client, letters) as units_with_these_letters
        from units
    ),

    pairs as (
        select
            rare.client,
            rare.unit,
            usual.unit as alias_of,
            case
                when rare.plain = usual.plain then 'the same letters and digits'
                when rare.without_zeros = usual.without_zeros then 'the same without leading zeros'
                when list_has_any(rare.serial_numbers, usual.serial_numbers)
                    then 'one character differs, same serial number'
                else 'one letter differs'
            end as reason,
            rare.samples as unit_samples,
            usual.samples as alias_of_samples,
            len(list_intersect(rare.components, usual.components)) as common_components,
            len(list_intersect(rare.dates, usual.dates)) as common_dates
        from keyed as rare
        inner join keyed as usual
            on
                rare.client = usual.client
                and (rare.samples, rare.newest, rare.unit) < (usual.samples, usual.newest, usual.unit)
                and (
                    rare.without_zeros = usual.without_zeros
                    or (
                        levenshtein(rare.plain, usual.plain) = 1
                        and (
                            coalesce(list_has_any(rare.serial_numbers, usual.serial_numbers), false)
                            or (rare.letters <> usual.letters and rare.units_with_these_letters = 1)
                        )
                    )
                )
    )

    select * from pairs
    order by client, reason <> 'the same letters and digits', common_components desc, unit, alias_of
"""


def suggest_aliases(settings: Settings, clients: Sequence[str] | None) -> list[dict[str, Any]]:
    """List pairs of units that are probably one, with what speaks for it.

    Each has `client`, `unit`, `alias_of` (the unit with more samples), `reason`, the number of samples of both, and how
    many component families and dates both have. Components that both have on one day speak against it.

    Raises:
        ConfigurationError: no run has finished there.
    """
    with open_built(settings, "silver", "samples") as warehouse:
        return rows_of(warehouse, LIKELY_PAIRS, {"clients": OIL.named_clients(clients)})


def seed_rows(pairs: Sequence[dict[str, Any]]) -> str:
    """Write pairs as rows of the seed `unit_aliases`. Of a unit with several pairs the first counts."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    first = {(pair["client"], pair["unit"]): pair for pair in reversed(pairs)}
    writer.writerows(pair for pair in pairs if first[pair["client"], pair["unit"]] is pair)
    return text.getvalue()
