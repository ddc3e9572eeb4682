"""Ask an OpenID Connect issuer who somebody is: its addresses, its keys, and the token that a code is exchanged for."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import anyio
import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from tribolake.errors import TribolakeError
from tribolake.web.access import Oidc, is_safe_address

# What an issuer says of its own algorithms does not count: a list with `none` in it would be one line of a file.
ALGORITHMS = ("RS256", "PS256", "ES256")
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
WAIT_SECONDS = 10.0  # for an answer of the issuer
KEPT_SECONDS = 3600.0  # addresses and keys of the issuer
PAUSE_SECONDS = 5.0  # between two attempts while the issuer does not answer
LARGEST_ANSWER = 256 * 1024  # bytes
CLOCK_SECONDS = 60  # by which the clocks of two machines may differ


class IssuerUnreachable(TribolakeError):
    """The issuer does not answer, or says what no issuer says."""


class LoginRefused(TribolakeError):
    """The issuer does not vouch for somebody, or its token is not for this login."""


class Issuer:
    """An issuer, and what it said last of its addresses and keys."""

    def __init__(self, oidc: Oidc, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._oidc = oidc
        self._secret = secret
        self._clock = clock
        self._lock = anyio.Lock()
        self._said: Mapping[str, str] | None = None
        self._keys = KeySet([])
        self._ask_again_at = clock()
        self._options: Mapping[str, Any] = {
            "headers": {"Accept-Encoding": "identity"},  # so the size of an answer is what is read
            "timeout": WAIT_SECONDS,
            "event_hooks": {"response": [_limit]},
            "verify": httpx2.create_ssl_context(),
        }

    async def address_of_login(self, back: str, state: str, nonce: str, verifier: str) -> str:
        """Return where a browser logs in.

        Args:
            back: where the issuer sends it afterwards.
            state: comes back with it.
            nonce: the token must have it.
            verifier: who exchanges the code must know it (RFC 7636).

        Raises:
            IssuerUnreachable: the issuer's addresses are not known.
        """
        said = await self._discovered()
        async with self._client(back) as client:
            address, _ = client.create_authorization_url(
                said["authorization_endpoint"], state=state, nonce=nonce, code_verifier=verifier
            )
        return str(address)

    async def address_of_logout(self) -> str | None:
        """Return where a browser ends its session at the issuer. Returns None if that is not known."""
        try:
            return (await self._discovered()).get("end_session_endpoint")
        except IssuerUnreachable:
            return None

    async def claims_of(self, code: str, back: str, nonce: str, verifier: str) -> Mapping[str, Any]:
        """Exchange a code for the claims of its token, which is verified.

        Raises:
            IssuerUnreachable: the issuer does not answer.
            LoginRefused: the code is not valid, or the token is not one of this issuer for this login.
        """
        said = await self._discovered()
        try:
            with anyio.fail_after(WAIT_SECONDS):
                async with self._client(back) as client:
                    token = await client.fetch_token(
                        said["token_endpoint"], grant_type="authorization_code", code=code, code_verifier=verifier
                    )
        except AuthlibBaseError as error:
            raise LoginRefused(f"the issuer refuses the code: {error.error}") from error
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise IssuerUnreachable(f"the issuer's tokens cannot be had: {type(error).__name__}: {error}") from error
        try:
            return await self._verified(str(token.get("id_token", "")), token.get("access_token"), nonce)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise LoginRefused(f"the token is refused: {type(error).__name__}: {error}") from error

    async def _verified(self, id_token: str, access_token: object, nonce: str) -> Mapping[str, Any]:
        try:
            decoded = jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)
        except (InvalidKeyIdError, BadSignatureError):  # the issuer may have changed its keys
            self._keys = await self._read_keys()
            decoded = jwt.decode(id_token, self._keys, algorithms=ALGORITHMS)
        wanted = {
            "iss": {"essential": True, "value": self._oidc.issuer},
            "aud": {"essential": True, "value": self._oidc.client_id},
        }
        known = {"nonce": nonce, "client_id": self._oidc.client_id, "access_token": access_token}
        claims = CodeIDToken(decoded.claims, decoded.header, wanted, known)
        claims.validate(leeway=CLOCK_SECONDS)
        return dict(claims)

    async def _discovered(self) -> Mapping[str, str]:
        """Return the issuer's addresses. They and its keys are read again after an hour, by one request at a time."""
        async with self._lock:
            if self._clock() >= self._ask_again_at:
                self._ask_again_at = self._clock() + PAUSE_SECONDS
                self._said = None
                said = await self._read(f"{self._oidc.issuer.rstrip('/')}/.well-known/openid-configuration")
                self._said = self._checked(said)
                self._keys = await self._read_keys()
                self._ask_again_at = self._clock() + KEPT_SECONDS
            if self._said is None:
                raise IssuerUnreachable("the issuer did not answer a moment ago")
            return self._said

    def _checked(self, said: Mapping[str, Any]) -> Mapping[str, str]:
        if said.get("issuer") != self._oidc.issuer:
            raise IssuerUnreachable(f"the issuer calls itself otherwise than `oidc.issuer`: {said.get('issuer')!r}")
        wrong = [name for name in ENDPOINTS if not is_safe_address(said.get(name))]
        if wrong:
            raise IssuerUnreachable(f"the issuer has no address with https for {', '.join(wrong)}")
        return {name: value for name, value in said.items() if is_safe_address(value)}

    async def _read_keys(self) -> KeySet:
        assert self._said is not None  # noqa: S101 - the issuer is discovered first
        try:
            return KeySet.import_key_set(await self._read(self._said["jwks_uri"]))  # type: ignore[arg-type]
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise IssuerUnreachable(f"the issuer's keys cannot be used: {type(error).__name__}: {error}") from error

    async def _read(self, address: str) -> Mapping[str, Any]:
        try:
            with anyio.fail_after(WAIT_SECONDS):
                async with httpx2.AsyncClient(**self._options) as client:
                    answer = await client.get(address)
                    answer.raise_for_status()
                    said = answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            raise IssuerUnreachable(f"{address} cannot be read: {type(error).__name__}: {error}") from error
        if not isinstance(said, dict):
            raise IssuerUnreachable(f"{address} does not answer as an issuer does")
        return said

    def _client(self, back: str) -> AsyncOAuth2Client:
        return AsyncOAuth2Client(
            self._oidc.client_id,
            self._secret,
            scope=" ".join(self._oidc.scopes),
            redirect_uri=back,
            code_challenge_method="S256",
            **self._options,
        )


class _Limited(httpx2.AsyncByteStream):
    """The body of an answer, which ends with an error after LARGEST_ANSWER bytes."""

    def __init__(self, body: httpx2.AsyncByteStream) -> None:
        self._body = body

    async def __aiter__(self):  # type: ignore[no-untyped-def]
        read = 0
        async for part in self._body:
            read += len(part)
            if read > LARGEST_ANSWER:
                raise httpx2.ReadError(f"the answer is larger than {LARGEST_ANSWER} bytes")
            yield part

    async def aclose(self) -> None:
        await self._body.aclose()


async def _limit(answer: httpx2.Response) -> None:
    if "content-encoding" in answer.headers:
        raise httpx2.DecodingError("the answer is compressed, which nobody asked for")
    answer.stream = _Limited(answer.stream)  # type: ignore[arg-type]
