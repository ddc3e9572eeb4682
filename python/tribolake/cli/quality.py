"""`tribolake quality`: how good alarms and data are."""

from __future__ import annotations

from datetime import UTC, datetime

from tribolake.cli.options import (
    ClientOption,
    JsonOption,
    LakeOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.cli.quality_tables import print_quality
from tribolake.lake.replicas import open_objects
from tribolake.oil.feedback.shelf import read_feedback
from tribolake.oil.product import OIL
from tribolake.oil.questions.quality import measure_quality
from tribolake.trace.manifests import published_clients
from tribolake.trace.pinned import PinnedObjects

app = new_app()


@app.command(epilog="**Examples**\n\n`tribolake quality`\n\n`tribolake quality --client cda --json`")
def quality(lake: LakeOption = None, client: ClientOption = None, as_json: JsonOption = False) -> None:
    """Measure alarms against laboratories and findings, samples due, and what is not used, from published files.

    Agreement with a laboratory is not prediction of failure: its verdict is another reading of the same sample.
    """
    with explained_errors(as_json=as_json):
        settings = open_settings(lake=lake)
        published = PinnedObjects(open_objects(settings))
        clients = OIL.named_clients(client) or published_clients(published)
        feedback = {one: read_feedback(published, one) for one in clients}
        found = measure_quality(settings, published, feedback, datetime.now(UTC))
        if as_json:
            print_json(found.as_dict())
        else:
            print_quality(found)
