"""`tribolake lake`: configure the bucket of a lake."""

from __future__ import annotations

from typing import Annotated

import typer

from tribolake.cli.options import (
    JsonOption,
    LakeOption,
    ProductOption,
    explained_errors,
    new_app,
    open_settings,
    print_json,
)
from tribolake.errors import ConfigurationError
from tribolake.lake.bucket_rules import Owner, apply_bucket_rules
from tribolake.lake.store import open_store
from tribolake.products import product_called
from tribolake.texts import without_users

app = new_app()


@app.callback()
def lake() -> None:
    """Configure the bucket of a lake."""


@app.command(
    epilog="**Examples**\n\n"
    "`tribolake lake prepare --lake s3://mining-data-mesh --fusion arn:aws:iam::123456789012:role/fusion`\n\n"
    "`tribolake lake prepare --lake s3://data-lake --product market`  the rules of market data\n\n"
    "`tribolake lake prepare --lake s3://lake --no-transitions --no-tls --no-encryption`  a Ceph RGW in a laboratory"
)
def prepare(
    lake: LakeOption = None,
    name: ProductOption = "oil",
    fusion: Annotated[
        list[str] | None, typer.Option(metavar="ARN", help="Role that reads gold. May be repeated.")
    ] = None,
    dashboard: Annotated[
        list[str] | None, typer.Option(metavar="ARN", help="Role that reads fusion/gold. May be repeated.")
    ] = None,
    transitions: Annotated[
        bool, typer.Option("--transitions/--no-transitions", help="Move old objects to GLACIER and DEEP_ARCHIVE.")
    ] = True,
    tls: Annotated[
        bool, typer.Option("--tls/--no-tls", help="Refuse requests without TLS, where there is TLS.")
    ] = True,
    encryption: Annotated[
        bool, typer.Option("--encryption/--no-encryption", help="Let the store encrypt objects.")
    ] = True,
    block_public: Annotated[
        bool, typer.Option("--block-public", help="Refuse public policies. For AWS; Ceph does not support it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Set versioning, encryption, lifecycle and access of a bucket, as the CloudFormation stack does.

    May be repeated. Rules and statements of other owners of the bucket stay, and those of the other product.
    """
    with explained_errors():
        product = product_called(name)
        settings = product.of(open_settings(lake=lake))
        if not settings.uses_s3:
            raise ConfigurationError(f"{settings.address} is a folder: give --lake s3://BUCKET, or set STORAGE_MODE")
        client = open_store(settings).client
        endpoint = without_users(client.meta.endpoint_url)
        is_plain = endpoint.startswith("http://")
        done = apply_bucket_rules(
            client,
            settings.s3.bucket,
            Owner(
                product.name,
                settings.prefix,
                product.contract.change_log,
                has_unnamed=product.prefix is None,
                permanent=tuple(product.permanent(settings)),
            ),
            readers={"Fusion": fusion or (), "Dashboard": dashboard or ()},
            transitions=transitions,
            require_tls=tls and not is_plain,
            encrypt=encryption,
            block_public_access=block_public,
        )
        if tls and is_plain:  # with the statement, nobody could use the bucket there, not even to remove it
            done.append(f"requests without TLS: still allowed, because {endpoint} has no TLS")
        if as_json:
            print_json({"bucket": settings.s3.bucket, "done": done})
        else:
            for line in done:
                typer.echo(line)
