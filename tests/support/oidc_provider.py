"""An OpenID Connect issuer for tests, as a process: authlib's own server, whose tokens can be made to lie.

`PUT /says` takes what the next tokens are: `claims` replace those of an honest token (null leaves one out), `signed` is
one of SIGNED, and `discovery` replaces what the issuer says of itself. It asks nobody for a
password: whoever comes is who it says.
"""

from __future__ import annotations

import hmac
import json
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import flask
import httpx
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

CLIENT_ID, SECRET = "tribolake", "a-secret-of-tests"
SIGNED = ("honestly", "none", "HS256 with the public key", "another key", "renewed key")
HONEST: Mapping[str, Any] = {"claims": {"email": "ana@mine.cl"}, "signed": "honestly"}


class Client(ClientMixin):
    """The one client. Its address to come back to is that of the first who asks."""

    back = ""

    def get_client_id(self) -> str:
        return CLIENT_ID

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        self.back = self.back or redirect_uri
        return redirect_uri == self.back

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == SECRET

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code(AuthorizationCodeMixin):
    """A code that is exchanged once."""

    code: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class CodeGrant(AuthorizationCodeGrant):
    """The flow of codes."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic",)
    codes: ClassVar[dict[str, Code]] = {}

    def save_authorization_code(self, code: str, request: Any) -> None:
        said = request.payload.data
        names = ("redirect_uri", "scope", "nonce", "code_challenge", "code_challenge_method")
        self.codes[code] = Code(code, *(said[name] for name in names))

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        return self.codes.get(code)

    def delete_authorization_code(self, authorization_code: Code) -> None:
        self.codes.pop(authorization_code.code)

    def authenticate_user(self, authorization_code: Code) -> str:
        return "somebody"


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def _plain(part: Any) -> str:
    return _base64(json.dumps(part).encode())


def make_provider(issuer: str) -> flask.Flask:
    app = flask.Flask(__name__)
    client = Client()
    server = AuthorizationServer(app, lambda name: client if name == CLIENT_ID else None, lambda token, request: None)
    server.register_grant(CodeGrant, [CodeChallenge(required=True)])
    keys = [RSAKey.generate_key(2048, {"kid": "first"})]
    says: dict[str, Any] = dict(HONEST)

    def signed(claims: dict[str, Any]) -> str:
        how = says["signed"]
        header = {"alg": "RS256", "kid": keys[-1].kid}
        if how == "none":
            return f"{_plain({**header, 'alg': 'none'})}.{_plain(claims)}."
        if how == "HS256 with the public key":
            said = f"{_plain({**header, 'alg': 'HS256'})}.{_plain(claims)}"
            return f"{said}.{_base64(hmac.digest(keys[-1].as_pem(private=False), said.encode(), 'sha256'))}"
        if how == "another key":
            return jwt.encode(header, claims, RSAKey.generate_key(2048, {"kid": keys[-1].kid}))
        return jwt.encode(header, claims, keys[-1])

    @app.get("/.well-known/openid-configuration")
    def discovery() -> Any:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        said = {name: f"{issuer}/{path}" for name, path in paths.items()}
        algorithms = ["RS256", "HS256", "none"]
        return {"issuer": issuer, **said, "end_session_endpoint": f"{issuer}/leave",
                "id_token_signing_alg_values_supported": algorithms} | says.get("discovery", {})  # fmt: skip

    @app.get("/keys")
    def public_keys() -> Any:
        return {"keys": [key.as_dict(private=False) for key in keys]}

    @app.get("/authorize")
    def authorize() -> Any:
        grant = server.get_consent_grant(end_user="somebody")
        return server.create_authorization_response(grant_user="somebody", grant=grant)

    @app.post("/token")
    def token() -> Any:
        code = CodeGrant.codes.get(flask.request.form.get("code", ""))
        answer = server.create_token_response()
        if answer.status_code != 200 or code is None:
            return answer
        now = int(time.time())
        honest = {"iss": issuer, "aud": CLIENT_ID, "sub": "1", "iat": now, "exp": now + 60, "nonce": code.nonce}
        claims = {name: value for name, value in (honest | says["claims"]).items() if value is not None}
        return answer.get_json() | {"id_token": signed(claims)}

    @app.put("/says")
    def say() -> Any:
        says.clear()
        says.update(HONEST | flask.request.get_json())
        if says["signed"] == "renewed key":
            keys[:] = [RSAKey.generate_key(2048, {"kid": f"renewed {time.time()}"})]
        return {}

    @app.get("/leave")
    def leave() -> Any:
        return "left"

    return app


@dataclass(frozen=True)
class Provider:
    """A running issuer."""

    issuer: str

    def say(self, *, signed: str = "honestly", discovery: Mapping[str, Any] | None = None, **claims: object) -> None:
        """Have it make such tokens from now on. Without arguments they are those of Ana."""
        claims = {**HONEST["claims"], **claims}
        said = {"signed": signed, "claims": claims, "discovery": discovery or {}}
        httpx.put(f"{self.issuer}/says", json=said).raise_for_status()


@contextmanager
def oidc_provider() -> Iterator[Provider]:
    """Run an issuer on a free port."""
    with subprocess.Popen([sys.executable, "-m", __name__], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Provider(process.stdout.readline().strip())
        finally:
            process.terminate()


def main() -> None:
    with make_server("127.0.0.1", 0, lambda *_: [], threaded=True) as server:
        issuer = f"http://127.0.0.1:{server.server_port}"
        server.app = make_provider(issuer)
        sys.stdout.write(f"{issuer}\n")
        sys.stdout.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
