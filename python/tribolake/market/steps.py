"""What a run of market does besides building models: report quality, deliver values to the lake and to Aurora."""

from __future__ import annotations

from tribolake.market.deliver import deliver
from tribolake.market.outbox import waits
from tribolake.market.quality import STEP as CHECK
from tribolake.market.restore import restore_published
from tribolake.market.sinks import sink_names
from tribolake.product import Step, Steps

WAITS = "computed values wait to be delivered"
STEPS = Steps(
    reasons=lambda warehouse, settings, *_: {WAITS: waits(warehouse, sink_names(settings))},
    before_build=restore_published,
    after_build=(CHECK,),
    after_publish=(Step("deliver", "deliveries", deliver),),
    of_after_publish=frozenset({WAITS}),
)
