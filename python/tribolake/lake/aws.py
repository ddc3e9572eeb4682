"""Clients of AWS services. Credentials come from the standard AWS chain.

botocore renews the credentials of roles by itself. It reads the shared files `credentials` and `config` once, and asks
a `credential_process` once if that names no time of expiry. A person or a program that renews credentials writes to
these files, so this module reads them again when they change. After a call that a service refuses for its credentials
it asks the chain again. If the credentials are others, the call is made once more.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tribolake.errors import ConfigurationError
from tribolake.libraries import library
from tribolake.texts import without_users

# A lake in a folder needs none of them, and importing them takes longer than a run without new files.
boto3 = library("boto3")
botocore_config = library("botocore.config")
aws_errors = library("botocore.exceptions")

NO_CREDENTIALS = (
    "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the machine a role"
)
SHARED_FILES = {"AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials", "AWS_CONFIG_FILE": "~/.aws/config"}
# What to set, by the class of botocore's error. The messages of botocore name the value that is wrong.
FIXES = {
    "ProfileNotFound": "set AWS_PROFILE to a profile of ~/.aws/config, or unset it",
    "PartialCredentialsError": "set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or neither",
    "ConfigParseError": "correct this file, or set AWS_CONFIG_FILE and AWS_SHARED_CREDENTIALS_FILE to others",
    "ConfigNotFound": "correct AWS_CONFIG_FILE",
    "InvalidRegionError": "set TRIBOLAKE_AWS_REGION or AWS_REGION to a name such as us-east-1",
    "NoCredentialsError": NO_CREDENTIALS,
    "CredentialRetrievalError": "correct the source of credentials in ~/.aws/config",
    "UnauthorizedSSOTokenError": "log in with `aws sso login`",
    "SSOTokenLoadError": "log in with `aws sso login`",
    "TokenRetrievalError": "log in with `aws sso login`",
    "MetadataRetrievalError": "give the machine a role, or set AWS_PROFILE",
    "InvalidConfigError": "correct ~/.aws/config, or set AWS_PROFILE to another profile",
    "InvalidRetryModeError": "correct AWS_RETRY_MODE, or unset it",
}
ANY_FIX = "correct the AWS_ variables, ~/.aws/config, or the proxy and CA variables"
# The same, by words of an error that has no class of its own.
FIXES_BY_WORDS = {
    "Invalid endpoint": "set TRIBOLAKE_S3_ENDPOINT to https://HOST, with letters, digits, dots and dashes in the host",
    "Invalid header value": "a key has a character that cannot be sent, such as a line break: set it again",
    "Failed to parse": "correct the proxy variables HTTPS_PROXY and HTTP_PROXY",
    "InvalidProxyConfiguration": "correct the proxy variables HTTPS_PROXY and HTTP_PROXY",
    'proxy URL: "http://socks': "set HTTPS_PROXY and HTTP_PROXY to an HTTP proxy, as SOCKS is not supported",
    "CERTIFICATE_VERIFY_FAILED": "set AWS_CA_BUNDLE to a file with the certificate of the authority",
    "certificate verify failed": "set AWS_CA_BUNDLE to a file with the certificate of the authority",
    "[Errno 2] No such file": "set AWS_CA_BUNDLE to an existing file",
    "CA certificate bundle": "set AWS_CA_BUNDLE to an existing file",
}


# A service says so of credentials that ended or were replaced. A head request has no code but its status.
REFUSED_CREDENTIALS = frozenset(
    {"403", "ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken",
     "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClientException"}
)  # fmt: skip


class RenewedCredentials:
    """Credentials of the standard chain, read again when a shared file changes or a service refuses them."""

    def __init__(self, credentials: Any) -> None:
        self._current = credentials
        self._read_from = _stamps()
        self._renewing = threading.Lock()

    def get_frozen_credentials(self) -> Any:
        """Return the credentials that sign the next request."""
        with self._renewing:
            found = _stamps()
            if found != self._read_from:
                with suppress(aws_errors.BotoCoreError):  # half written: the next request reads it again
                    self._current = boto3.session.Session().get_credentials() or self._current
                    self._read_from = found
        return self._current.get_frozen_credentials()

    def renew(self) -> bool:
        """Ask the chain again. Returns whether its credentials are others than those that signed the last request."""
        with self._renewing:
            before = self._current.get_frozen_credentials()
            with suppress(aws_errors.BotoCoreError):  # the error of the refused call says what to do
                found = boto3.session.Session().get_credentials()
                if found is not None and found.get_frozen_credentials() != before:
                    self._current, self._read_from = found, _stamps()
                    return True
        return False

    def retry_if_renewed(self, response: tuple[Any, dict[str, Any]] | None, attempts: int, **_: Any) -> int | None:
        """Answer botocore after each call: 0 repeats it at once with the credentials of now, None does not."""
        code = response[1].get("Error", {}).get("Code") if response else None
        return 0 if attempts == 1 and code in REFUSED_CREDENTIALS and self.renew() else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._current, name)


def open_client(service: str, region: str, endpoint: str | None = None, **options: Any) -> Any:
    """Open a client of a service. No connection is made.

    Args:
        service: as boto3 calls it.
        region: of AWS.
        endpoint: of another store than AWS.
        options: of botocore's Config.

    Raises:
        ConfigurationError: the AWS configuration cannot be used. The message says what to set.
    """
    with explained_configuration():
        config = botocore_config.Config(**options)
        session = boto3.session.Session(region_name=region)
        if (credentials := session.get_credentials()) is None:
            return session.client(service, endpoint_url=endpoint, config=config)
        renewed = session._session._credentials = RenewedCredentials(credentials)
        client = session.client(service, endpoint_url=endpoint, config=config)
        client.meta.events.register_first(f"needs-retry.{service}", renewed.retry_if_renewed)
        return client


def find_credentials(region: str) -> Any:
    """Return the credentials of the standard chain. Returns None if there are none.

    Raises:
        ConfigurationError: the AWS configuration cannot be used.
    """
    with explained_configuration():
        credentials = boto3.session.Session(region_name=region).get_credentials()
        if credentials is not None:
            credentials.get_frozen_credentials()  # those of a role or a program are fetched now
        return credentials


@contextmanager
def explained_configuration() -> Iterator[None]:
    """Turn errors of botocore about its configuration into one line that says what to set.

    Raises:
        ConfigurationError: the AWS configuration cannot be used.
    """
    try:
        yield
    except (aws_errors.BotoCoreError, ValueError) as error:
        raise as_configuration_error(error, _fix(error) or ANY_FIX) from error


def configuration_error(error: Exception) -> ConfigurationError | None:
    """Return the error of a call with what to set. Returns None if the configuration is not the cause."""
    fix = _fix(error) or (ANY_FIX if isinstance(error, ValueError) else None)
    return as_configuration_error(error, fix) if fix else None


def as_configuration_error(error: Exception, fix: str) -> ConfigurationError:
    """Return an error of botocore about its configuration in one line, without credentials."""
    problem = without_users(error).partition("Invalid header value")[0]
    return ConfigurationError(fix if fix == NO_CREDENTIALS else f"AWS cannot be used: {problem.strip(' .:')}: {fix}")


def _fix(error: Exception) -> str | None:
    """Say what to set, if the configuration is the cause of an error."""
    by_words = (fix for words, fix in FIXES_BY_WORDS.items() if words in str(error))
    return FIXES.get(type(error).__name__) or next(by_words, None)


def _stamps() -> tuple[tuple[int, int, int] | None, ...]:
    """Describe the shared files, so that a change shows."""
    return tuple(_stamp(Path(os.environ.get(name) or usual)) for name, usual in SHARED_FILES.items())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.expanduser().stat()
    except (OSError, RuntimeError):  # there is no home folder
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
