"""What a run of the market product does besides building models: report quality, store the last values."""

from __future__ import annotations

from tribolake.market.deliver import deliver, waits
from tribolake.market.quality import STEP as CHECK
from tribolake.market.restore import restore_published
from tribolake.product import Step, Steps

STEPS = Steps(
    reasons=lambda warehouse, *_: {"computed values wait to be stored": waits(warehouse)},
    before_build=restore_published,
    after_build=(CHECK,),
    after_publish=(Step("store", "deliveries", deliver),),
)
