"""Groups of settings: bucket, watcher, reader of laboratory files, model, trigger."""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic.fields import FieldInfo

# Forms of values, and their descriptions in error messages.
ADDRESS = r"^https?://[^/?#@\s][^@\s]*$"  # messages show addresses, so they have no user and no password
PAGES = r"^(https?://[^/?#@\s][^?#@\s]*)?$"  # an address of a page is appended to it
ARN = r"^arn:"
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
PREFIX = r"^[a-z0-9][a-z0-9/_-]*$"
PREFIX_OR_NONE = r"^([a-z0-9][a-z0-9/_-]*)?$"
PRICES = r"^\d+(\.\d+)?,\d+(\.\d+)?$"
UMASK = r"^([0-7]{3,4})?$"
SIZE = r"^(\d+(\.\d+)?[MG]B)?$"
FORMS = {
    ADDRESS: "an address that begins with https:// or http://, without a user or password",
    PAGES: "an address that begins with https:// or http://, without a user, a password or a query, or nothing",
    ARN: "an ARN, which begins with arn:",
    BUCKET: "the name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes",
    PREFIX: "a path of lower-case letters, digits, dashes and slashes, as in oil-analysis",
    PREFIX_OR_NONE: "a path of lower-case letters, digits, dashes and slashes, as in data-lake, or nothing",
    PRICES: "two numbers, as in 0.4,1.6",
    UMASK: "an octal number, as in 027 or 022",
    SIZE: "a size, as in 450MB or 2GB",
}


def setting(name: str, *aliases: str, default: Any, description: str, is_secret: bool = False, **form: Any) -> Any:
    """Declare a setting.

    Args:
        name: flag of `load_settings`. Its variable is `TRIBOLAKE_` and this name.
        aliases: other variables that set it, the most important first.
        default: the value if it is not set.
        description: the meaning, for `docs/settings.md`.
        is_secret: the value is never shown or passed to another process.
        form: constraints that pydantic checks.
    """
    known_by: dict[str, Any] = {"name": name, "aliases": list(aliases), "is_secret": is_secret}
    return Field(default=default, description=description, json_schema_extra=known_by, **form)


def may_be_none(field: FieldInfo) -> bool:
    """Tell whether none is a value of a setting."""
    return type(None) in get_args(field.annotation)


class Group(BaseModel):
    """Immutable settings whose values are not shown in errors."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)

    @field_validator("*", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object, info: ValidationInfo) -> object:
        """Take an empty text as none, where none is a value."""
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        is_empty = isinstance(text, str) and not text.strip()
        return None if is_empty and may_be_none(cls.model_fields[str(info.field_name)]) else value


class S3Settings(Group):
    """The bucket of a lake on S3."""

    bucket: str = setting(
        "s3_bucket", "S3_BUCKET", default="mining-data-mesh", pattern=BUCKET, description="bucket of the lake"
    )
    endpoint: str | None = setting(
        "s3_endpoint",
        "S3_ENDPOINT",
        "AWS_ENDPOINT_URL_S3",
        "AWS_ENDPOINT_URL",
        default=None,
        pattern=ADDRESS,
        description="address of another S3 store; its buckets are addressed by path",
    )
    region: str = setting(
        "aws_region",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
        default="us-east-1",
        description="region of the bucket, the queue and the topic",
    )
    timeout_seconds: float = setting(
        "s3_timeout_seconds", default=20, gt=0, description="a call is retried if the server is silent for so long"
    )
    attempts: int = setting("s3_attempts", default=6, ge=1, description="how often an S3 call is tried")
    lease_seconds: float = setting(
        "lease_seconds",
        default=90,
        gt=0,
        description="a killed run holds a lake on S3 for at most so long; a live run renews its lease",
    )
    topic: str | None = setting(
        "sns_topic",
        "SNS_TOPIC_ARN",
        default=None,
        pattern=ARN,
        description="SNS topic that is notified of each publication on S3",
    )


class WatchSettings(Group):
    """The watcher, and the queue that its events come from."""

    settle_seconds: float = setting(
        "watch_settle_seconds", default=0.25, gt=0, description="a file is complete if it has not changed for so long"
    )
    max_wait_seconds: float = setting(
        "watch_max_wait_seconds",
        default=30,
        gt=0,
        description="complete files wait for changing files for at most so long",
    )
    rescan_seconds: float = setting(
        "watch_rescan_seconds", default=300, gt=0, description="time between runs without an event"
    )
    poll_seconds: float = setting(
        "watch_poll_seconds", default=30, gt=0, description="time between listings of a lake on S3 without a queue"
    )
    polling: bool = setting("watch_polling", default=False, description="poll for changes, do not wait for events")
    stop_seconds: float = setting(
        "watch_stop_seconds", default=30, gt=0, description="time that a run has to finish when the watcher is stopped"
    )
    queue: str | None = setting(
        "sqs_queue",
        "SQS_QUEUE_URL",
        default=None,
        pattern=ADDRESS,
        description="address of the SQS queue that has the events of the bucket",
    )
    visibility_seconds: int = setting(
        "sqs_visibility_seconds",
        default=60,
        ge=3,
        le=43200,
        description="the queue delivers messages of a killed watcher again after so long",
    )


class ReaderSettings(Group):
    """Limits of the process that reads a laboratory file."""

    max_file_mb: int = setting("max_file_mb", default=200, ge=1, description="larger laboratory files are refused")
    max_inflated_mb: int = setting(
        "max_inflated_mb", default=512, ge=1, description="workbooks that are larger than this unzipped are refused"
    )
    memory_mb: int = setting("reader_memory_mb", default=1536, ge=256, description="memory for reading one file")
    seconds: int = setting("reader_seconds", default=300, ge=1, description="processor time for reading one file")
    follow_links: bool = setting(
        "follow_links", default=True, description="follow links in bronze to files of the same client"
    )


class ModelSettings(Group):
    """The language model that words recommendations."""

    api_key: SecretStr | None = setting(
        "openai_api_key",
        "OPENAI_API_KEY",
        default=None,
        is_secret=True,
        description="key of the endpoint; without a key no model is asked and the rules word all reports",
    )
    base_url: str | None = setting(
        "openai_base_url",
        "OPENAI_BASE_URL",
        default=None,
        pattern=ADDRESS,
        description="another endpoint for OpenAI's chat completions; empty is https://api.openai.com/v1",
    )
    name: str = setting(
        "ai_model",
        "TRIBOLAKE_OPENAI_MODEL",
        "OPENAI_MODEL",
        default="gpt-4.1-mini",
        min_length=1,
        max_length=128,
        description="model that is asked",
    )
    temperature: float | None = setting(
        "ai_temperature", default=0.2, ge=0, le=2, description="temperature of the model; empty for a model without one"
    )
    sees_comments: bool = setting(
        "model_sees_comments", default=False, description="send laboratory comments to the model"
    )
    concurrency: int = setting("ai_concurrency", default=8, ge=1, le=256, description="calls to the model at once")
    deadline_seconds: float = setting(
        "ai_deadline_seconds", default=60, gt=0, description="time for a call with its attempts and pauses"
    )
    retries: int = setting("ai_retries", default=3, ge=0, description="how often a call to a busy endpoint is retried")
    max_output_tokens: int = setting(
        "ai_max_output_tokens", default=800, ge=64, description="longest reply; reasoning models need more"
    )
    budget_usd: float | None = setting(
        "ai_budget_usd",
        default=None,
        ge=0,
        description="USD that a run may spend on the model; empty is no limit, 0 spends nothing",
    )
    prices: str | None = setting(
        "ai_prices",
        default=None,
        pattern=PRICES,
        description="USD per million input and output tokens, for a model whose price is not known",
    )

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        """Refuse a key that would break the first call, for instance one with a line break."""
        if key is None:
            return None
        bare = key.get_secret_value().strip()
        if not (bare.isascii() and bare.isprintable() and " " not in bare):
            raise ValueError("a key has no spaces, and no characters outside ASCII")
        return SecretStr(bare)


class MarketSettings(Group):
    """The market product."""

    root: str = setting(
        "market_root",
        default="",
        pattern=PREFIX_OR_NONE,
        description="folder in the lake for `raw` and `processed`; empty is the root of the lake",
    )

    @field_validator("root")
    @classmethod
    def _without_slash(cls, root: str) -> str:
        """Take `data-lake/` as `data-lake`: keys are made of a folder and a slash."""
        return root.rstrip("/")

    endpoint: str | None = setting(
        "market_endpoint", default=None, pattern=ADDRESS, description="address of a proxy for Yahoo; empty asks Yahoo"
    )
    pause_seconds: float = setting(
        "market_pause_seconds", default=1, ge=0, description="pause between two requests of `market fetch`"
    )
    sink_seconds: float = setting(
        "market_sink_seconds",
        default=120,
        gt=0,
        description="the lake or Aurora is given up for a run if it confirms nothing for so long",
    )


class AuroraSettings(Group):
    """The database that gets computed values besides the lake. Without an address or a host there is none.

    Parts are those of a MySQL database. They count if there is no address.
    """

    url: SecretStr | None = setting(
        "aurora_url",
        default=None,
        is_secret=True,
        description="`postgresql://user:password@host/database` or `mysql://...`; empty is none",
    )
    host: str | None = setting("aurora_host", "AURORA_HOST", default=None, description="host of a MySQL database")
    port: int = setting("aurora_port", "AURORA_PORT", default=3306, ge=1, le=65535, description="port of the host")
    database: str | None = setting(
        "aurora_database", "AURORA_DATABASE", default=None, description="database to connect to"
    )
    user: str | None = setting("aurora_user", "AURORA_USER", default=None, description="user of the database")
    password: SecretStr | None = setting(
        "aurora_password", "AURORA_PASSWORD", default=None, is_secret=True, description="password of the user"
    )

    @field_validator("url")
    @classmethod
    def _names_a_database(cls, url: SecretStr | None) -> SecretStr | None:
        """Refuse an address of another kind, without showing it."""
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "mysql://")):
            raise ValueError("it is not an address that begins with postgresql:// or mysql://")
        return url

    @property
    def is_on(self) -> bool:
        return self.url is not None or self.host is not None


class TriggerSettings(Group):
    """What started a run, for its log. The run finds new files by itself."""

    type: str = setting(
        "trigger_type", "TRIGGER_TYPE", default="", max_length=64, description="what started the run, as in s3_event"
    )
    source_file: str = setting(
        "source_file", "SOURCE_FILE", default="", max_length=1024, description="the file whose arrival started the run"
    )
