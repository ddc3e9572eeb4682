"""Who may open the pages, and which clients they see: this machine alone, or whom a proxy names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import CLIENT_NAME

EVERY_CLIENT = "*"
LARGEST_FILE = 1024 * 1024  # bytes
LONGEST_NAME = 80  # of a user, as of the writer of feedback
MOST_GROUPS = 1000
HEADER = r"^[A-Za-z][A-Za-z0-9-]{0,63}$"
ORIGIN = r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?$"
ClientName = Annotated[str, Field(pattern=rf"^\*$|{CLIENT_NAME.pattern}")]
Clients = tuple[ClientName, ...]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(ip_network)]
Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Reader:
    """Who asks. `name` is empty without a login, and `clients` of None means all."""

    name: str
    clients: frozenset[str] | None

    def sees(self, client: str) -> bool:
        return self.clients is None or client in self.clients


@dataclass(frozen=True)
class Refused:
    """Why a request is not answered: an HTTP status, and a sentence."""

    status: int
    text: str


WHOEVER_IS_HERE = Reader("", None)


class Entrance(Protocol):
    """Lets requests in. `is_secure` says whether browsers come by https."""

    @property
    def is_secure(self) -> bool: ...

    def origin(self, host: str) -> str | None:
        """Return the origin of pages under a `Host`. Returns None if no page is under it."""

    def reader(self, peer: str, headers: Headers) -> Reader | Refused:
        """Return who asks, or why they get no answer. `peer` is the other end of the connection."""


def is_loopback(host: str) -> bool:
    """Return whether a name or an address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class ThisMachine:
    """Whoever is on this machine sees everything."""

    @property
    def is_secure(self) -> bool:
        return False

    def origin(self, host: str) -> str | None:
        name, _, port = host.rpartition(":")
        return f"http://{host}" if is_loopback(name if name and port.isdigit() else host) else None

    def reader(self, peer: str, headers: Headers) -> Reader | Refused:
        return WHOEVER_IS_HERE


class BehindProxy(BaseModel):
    """A proxy asks who it is, and names them in a header. It must set that header itself in each request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(pattern=ORIGIN)
    proxies: tuple[Network, ...] = Field(min_length=1)
    user_header: str = Field(default="X-Forwarded-User", pattern=HEADER)
    groups_header: str | None = Field(default=None, pattern=HEADER)
    users: Mapping[str, Clients] = Field(default_factory=dict)
    groups: Mapping[str, Clients] = Field(default_factory=dict)

    @property
    def is_secure(self) -> bool:
        return self.address.startswith("https:")

    def origin(self, host: str) -> str | None:
        return self.address if host == urlsplit(self.address).netloc else None

    def reader(self, peer: str, headers: Headers) -> Reader | Refused:
        if not self._is_proxy(peer):
            return Refused(403, "this server answers to its proxy only")
        said = list(headers)
        users, groups = _values(said, self.user_header), _values(said, self.groups_header)
        if len(users) != 1 or not 0 < len(users[0]) <= LONGEST_NAME or len(groups) > 1:
            return Refused(401, "the proxy names no user, or several")
        clients = self._clients(users[0], groups[0] if groups else "")
        if not clients:
            return Refused(403, "no client is assigned to you")
        return Reader(users[0], None if EVERY_CLIENT in clients else clients)

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)

    def _clients(self, user: str, groups: str) -> frozenset[str]:
        named = filter(None, (name.strip() for name in groups.split(",")[:MOST_GROUPS]))
        given = (self.users.get(user, ()), *(self.groups.get(name, ()) for name in named))
        return frozenset(client for clients in given for client in clients)


def _values(headers: Headers, wanted: str | None) -> list[str]:
    """Return the values of a header. One that is not UTF-8 counts as empty."""
    name = (wanted or "").lower().encode()
    return [_text(value) for found, value in headers if found == name]


def _text(value: bytes) -> str:
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        return ""
    return text if text.isprintable() else ""


def entrance_of(file: Path | None) -> Entrance:
    """Return the entrance that a file describes. None is this machine alone.

    Raises:
        ConfigurationError: the file cannot be read, or says something else than `docs/web.md` describes.
    """
    if file is None:
        return ThisMachine()
    try:
        with file.open("rb") as opened:
            written = opened.read(LARGEST_FILE + 1)
        if len(written) > LARGEST_FILE:
            raise ConfigurationError(f"{file} is larger than {LARGEST_FILE} bytes: it is no access file")
        return BehindProxy.model_validate(tomllib.loads(written.decode()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"the access file {file} cannot be read: {error}") from error
    except ValidationError as error:
        raise ConfigurationError(f"the access file {file}: {_first(error.errors())}") from error


def _first(errors: list[Any]) -> str:
    place = ".".join(str(part) for part in errors[0]["loc"])
    return f"`{place}`: {errors[0]['msg']}. docs/web.md has an example"
