"""Who may open the pages, and which clients they see: this machine alone, or whom a proxy or an issuer names."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from tribolake.errors import ConfigurationError
from tribolake.lake.bronze import CLIENT_NAME

EVERY_CLIENT = "*"
LARGEST_FILE = 1024 * 1024  # bytes
LONGEST_NAME = 80  # of a user, as of the writer of feedback
MOST_GROUPS = 1000
SCOPE = r"^[!#-\[\]-~]+$"
PROXY = {"proxies", "user_header", "groups_header"}
HEADER = r"^[A-Za-z][A-Za-z0-9-]{0,63}$"
ORIGIN = r"^https?://[A-Za-z0-9.-]+(:\d{1,5})?$"
LONGEST_ADDRESS = 2000
ClientName = Annotated[str, Field(pattern=rf"^\*$|{CLIENT_NAME.pattern}")]
Clients = tuple[ClientName, ...]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(ip_network)]
Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Reader:
    """Who asks. `name` is empty without a login, and `clients` of None means all. A session can be ended."""

    name: str
    clients: frozenset[str] | None
    has_session: bool = False

    def sees(self, client: str) -> bool:
        return self.clients is None or client in self.clients


@dataclass(frozen=True)
class Refused:
    """Why a request is not answered: an HTTP status, and a sentence."""

    status: int
    text: str


WHOEVER_IS_HERE = Reader("", None)
NOBODY = Reader("", frozenset())


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


class Access(BaseModel):
    """What every access file says: the address of the pages, and the clients of users and groups."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str = Field(pattern=ORIGIN)
    users: Mapping[str, Clients] = Field(default_factory=dict)
    groups: Mapping[str, Clients] = Field(default_factory=dict)

    @property
    def is_secure(self) -> bool:
        return self.address.startswith("https:")

    def origin(self, host: str) -> str | None:
        return self.address if host == urlsplit(self.address).netloc else None

    def reader_named(self, user: str, groups: Iterable[str], *, has_session: bool = False) -> Reader | Refused:
        """Return what a user of these groups sees."""
        given = (self.users.get(user, ()), *(self.groups.get(name, ()) for name in groups))
        clients = frozenset(client for clients in given for client in clients)
        if not clients:
            return Refused(403, "no client is assigned to you")
        return Reader(user, None if EVERY_CLIENT in clients else clients, has_session)


class BehindProxy(Access):
    """A proxy asks who it is, and names them in a header. It must set that header itself in each request."""

    proxies: tuple[Network, ...] = Field(min_length=1)
    user_header: str = Field(default="X-Forwarded-User", pattern=HEADER)
    groups_header: str | None = Field(default=None, pattern=HEADER)

    def reader(self, peer: str, headers: Headers) -> Reader | Refused:
        if not self._is_proxy(peer):
            return Refused(403, "this server answers to its proxy only")
        said = list(headers)
        users, groups = _values(said, self.user_header), _values(said, self.groups_header)
        if len(users) != 1 or not 0 < len(users[0]) <= LONGEST_NAME or len(groups) > 1:
            return Refused(401, "the proxy names no user, or several")
        named = (name.strip() for name in (groups[0] if groups else "").split(",")[:MOST_GROUPS])
        return self.reader_named(users[0], filter(None, named))

    def _is_proxy(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        return any(address in network for network in self.proxies)


def is_safe_address(value: object) -> bool:
    """Return whether a text is an address with https, or with http on this machine."""
    if not isinstance(value, str) or len(value) > LONGEST_ADDRESS or not value.isprintable() or " " in value:
        return False
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
    except ValueError:
        return False
    is_plain_but_here = parts.scheme == "http" and is_loopback(host)
    return bool(host) and "@" not in parts.netloc and (parts.scheme == "https" or is_plain_but_here)


def _safe(value: str) -> str:
    if not is_safe_address(value):
        raise ValueError("it must begin with https://, or with http:// on this machine")
    return value


SafeAddress = Annotated[str, AfterValidator(_safe)]


class Oidc(BaseModel):
    """An OpenID Connect issuer, and the claims of its tokens that are the user and the groups."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: SafeAddress
    client_id: str = Field(min_length=1, max_length=200)
    user_claim: str = Field(default="email", min_length=1)
    groups_claim: str | None = Field(default=None, min_length=1)
    scopes: tuple[Annotated[str, Field(pattern=SCOPE)], ...] = ("openid", "email")
    hours: int = Field(default=8, ge=1, le=24)


class ByIssuer(Access):
    """An issuer asks who it is: see `web/login.py`."""

    address: SafeAddress = Field(pattern=ORIGIN)
    oidc: Oidc


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


def read_access(file: Path) -> BehindProxy | ByIssuer:
    """Read an access file.

    Raises:
        ConfigurationError: the file cannot be read, or says something else than `docs/web.md` describes.
    """
    try:
        with file.open("rb") as opened:
            written = opened.read(LARGEST_FILE + 1)
        if len(written) > LARGEST_FILE:
            raise ConfigurationError(f"{file} is larger than {LARGEST_FILE} bytes: it is no access file")
        said = tomllib.loads(written.decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"the access file {file} cannot be read: {error}") from error
    if "oidc" in said and PROXY.intersection(said):
        raise ConfigurationError(f"the access file {file} names a proxy and an issuer: `[oidc]` has no `proxies`")
    try:
        return ByIssuer.model_validate(said) if "oidc" in said else BehindProxy.model_validate(said)
    except ValidationError as error:
        raise ConfigurationError(f"the access file {file}: {_first(error.errors())}") from error


def _first(errors: list[Any]) -> str:
    place = ".".join(str(part) for part in errors[0]["loc"])
    return f"`{place}`: {errors[0]['msg'].removeprefix('Value error, ')}. docs/web.md has an example"
