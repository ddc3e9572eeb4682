"""What a run of the market product does besides building models: deliver the values to the lake and to Aurora."""

from __future__ import annotations

from tribolake.market.deliver import deliver
from tribolake.market.outbox import waits
from tribolake.market.sinks import sink_names
from tribolake.product import Step, Steps

STEPS = Steps(
    reasons=lambda warehouse, settings, *_: {
        "computed values wait to be delivered": waits(warehouse, sink_names(settings))
    },
    before_build=lambda *_: None,
    after_publish=(Step("deliver", "deliveries", deliver),),
)
