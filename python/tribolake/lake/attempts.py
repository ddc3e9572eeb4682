"""Calls of a store, made again after growing pauses while an error may pass."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from tribolake.errors import StoreUnavailable
from tribolake.lake.aws import aws_errors, configuration_error
from tribolake.lake.store_errors import (
    MISSING,
    NO_RETRIES,
    TRY_LATER,
    IncompleteTransfer,
    ObjectMissing,
    advice_on,
    code_of,
    is_final_error,
)
from tribolake.texts import without_users

PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 5.0
Answer = TypeVar("Answer")


def ask(bucket: str, attempts: int, call: Callable[[], Answer], before_each: Callable[[], None]) -> Answer:
    """Make a call of a bucket.

    Args:
        bucket: its name, for errors.
        attempts: how often the call is made at most.
        call: may be made several times.
        before_each: called before each attempt. Its exceptions end the attempts.

    Raises:
        ConfigurationError: the AWS configuration cannot be used.
        ObjectMissing: there is no such object.
        StoreUnavailable: the store refuses, or does not answer.
    """
    pause = PAUSE_SECONDS
    for attempt in range(1, attempts + 1):
        before_each()
        try:
            return call()
        except aws_errors.ClientError as error:
            if code_of(error) in MISSING:
                raise ObjectMissing(str(error)) from error
            if is_final_error(error) or attempt == attempts:
                words = without_users(error).replace(NO_RETRIES, "")
                raise StoreUnavailable(f"s3://{bucket}: {words}{advice_on(error)}") from error
        except (aws_errors.BotoCoreError, IncompleteTransfer, OSError, ValueError) as error:
            if wrong := configuration_error(error):
                raise wrong from error
            if attempt == attempts:
                raise StoreUnavailable(f"s3://{bucket}: {without_users(error)}{TRY_LATER}") from error
        time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - spreads attempts, protects nothing
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
    raise AssertionError("unreachable")
