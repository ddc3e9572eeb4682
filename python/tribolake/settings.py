"""Settings: the only module that reads the environment.

Precedence: command-line flag > environment (`TRIBOLAKE_*`) > `.env` > default. A flag reaches a process that the
wrapper starts through :meth:`Settings.environment`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource, SettingsConfigDict

from tribolake.errors import ConfigurationError

StorageMode = Literal["local", "dual", "s3-primary", "s3"]
S3_SCHEME = "s3://"
# Secrets and lists, which no other process is told of.
KEPT_BACK = frozenset({"notify", "openai_api_key"})
SECRETS = ("OPENAI_API_KEY", "TRIBOLAKE_OPENAI_API_KEY")
# What a value has to look like, and how people are told.
ADDRESS = r"^https?://"
ARN = r"^arn:"
BUCKET = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
PREFIX = r"^[a-z0-9][a-z0-9/_-]*$"
PRICES = r"^\d+(\.\d+)?,\d+(\.\d+)?$"
SIZE = r"^\d+(\.\d+)?[MG]B$"
FORMS = {
    ADDRESS: "an address that begins with https:// or http://",
    ARN: "an ARN, which begins with arn:",
    BUCKET: "the name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes",
    PREFIX: "a path of lower-case letters, digits, dashes and slashes, as in oil-analysis",
    PRICES: "two numbers, as in 0.4,1.6",
    SIZE: "a size, as in 450MB or 2GB",
}
PROJECT_DIR = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Where the lake is and how much a run may use."""

    # `AliasChoices`: a setting that also goes by the name that the environment of the data mesh uses.
    model_config = SettingsConfigDict(
        env_prefix="TRIBOLAKE_",
        env_file=".env",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    lake: Path = Field(
        default=Path("data"), validate_default=True, description="folder that holds {prefix}/bronze/{client}/..."
    )
    prefix: str = Field(
        default="oil-analysis",
        pattern=PREFIX,
        validation_alias=AliasChoices("TRIBOLAKE_PREFIX", "S3_PREFIX"),
        description="data product",
    )
    state_dir: Path | None = Field(default=None, description="warehouse and staging; default {lake}/_state")
    memory_limit: str = Field(default="450MB", pattern=SIZE, description="DuckDB's memory")
    max_file_mb: int = Field(default=200, ge=1, description="larger laboratory files are refused")
    max_inflated_mb: int = Field(default=512, ge=1, description="larger workbooks, once unzipped, are refused")
    reader_memory_mb: int = Field(default=1536, ge=256, description="memory of the process that reads one file")
    notify: tuple[str, ...] = Field(default=(), description="apprise addresses, as a JSON list; empty tells nobody")
    follow_links: bool = Field(default=True, description="read files that links in bronze lead to")
    reader_seconds: int = Field(default=300, ge=1, description="processor time that reading one file may take")

    storage_mode: StorageMode = Field(
        default="local",
        validation_alias=AliasChoices("TRIBOLAKE_STORAGE_MODE", "STORAGE_MODE"),
        description="local: a folder; dual: a folder, copied to S3; s3-primary: S3, copied to a folder; s3: S3 only",
    )
    use_s3: bool = Field(
        default=False,
        validation_alias=AliasChoices("TRIBOLAKE_USE_S3", "USE_S3"),
        description="short for STORAGE_MODE=s3",
    )
    s3_bucket: str = Field(
        default="mining-data-mesh",
        pattern=BUCKET,
        validation_alias=AliasChoices("TRIBOLAKE_S3_BUCKET", "S3_BUCKET"),
        description="bucket of the lake",
    )
    s3_endpoint: str | None = Field(
        default=None,
        pattern=ADDRESS,
        validation_alias=AliasChoices(
            "TRIBOLAKE_S3_ENDPOINT", "S3_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"
        ),
        description="another store that speaks S3; its buckets are addressed by path",
    )
    aws_region: str = Field(
        default="us-east-1",
        validation_alias=AliasChoices("TRIBOLAKE_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
        description="region of the bucket, the queue and the topic",
    )
    s3_timeout_seconds: float = Field(
        default=20, gt=0, description="an S3 server that is silent for so long is asked again"
    )
    s3_attempts: int = Field(default=6, ge=1, description="how often an S3 call is tried")
    trigger_type: str = Field(
        default="",
        max_length=64,
        validation_alias=AliasChoices("TRIBOLAKE_TRIGGER_TYPE", "TRIGGER_TYPE"),
        description="what started this run, for its log: s3_event, schedule",
    )
    source_file: str = Field(
        default="",
        max_length=1024,
        validation_alias=AliasChoices("TRIBOLAKE_SOURCE_FILE", "SOURCE_FILE"),
        description="the file whose arrival started this run, for its log; the run looks for itself what is new",
    )
    lease_seconds: float = Field(
        default=90, gt=0, description="a run that died holds a lake on S3 no longer than this; a live one renews it"
    )
    sqs_queue: str | None = Field(
        default=None,
        pattern=ADDRESS,
        validation_alias=AliasChoices("TRIBOLAKE_SQS_QUEUE", "SQS_QUEUE_URL"),
        description="address of the queue that has the events of the bucket",
    )
    sqs_visibility_seconds: int = Field(
        default=60, ge=3, le=43200, description="messages of a watcher that died are delivered again after so long"
    )
    sns_topic: str | None = Field(
        default=None,
        pattern=ARN,
        validation_alias=AliasChoices("TRIBOLAKE_SNS_TOPIC", "SNS_TOPIC_ARN"),
        description="topic that is told of each publication on S3",
    )

    watch_settle_seconds: float = Field(default=0.25, gt=0, description="a file is complete when unchanged for so long")
    watch_max_wait_seconds: float = Field(
        default=30, gt=0, description="complete files wait no longer for others that still change"
    )
    watch_rescan_seconds: float = Field(default=300, gt=0, description="a run is due so often without any event")
    watch_poll_seconds: float = Field(
        default=30, gt=0, description="a lake on S3 whose events do not come is listed so often"
    )
    watch_polling: bool = Field(default=False, description="look for changes instead of waiting for events")
    watch_stop_seconds: float = Field(default=30, gt=0, description="a run under way may finish when stopped")

    openai_api_key: SecretStr | None = Field(
        default=None,
        validation_alias=AliasChoices("TRIBOLAKE_OPENAI_API_KEY", "OPENAI_API_KEY"),
        description="key of the endpoint that words recommendations; without one the texts of the rules stand",
    )
    openai_base_url: str | None = Field(
        default=None,
        pattern=ADDRESS,
        validation_alias=AliasChoices("TRIBOLAKE_OPENAI_BASE_URL", "OPENAI_BASE_URL"),
        description="another endpoint that speaks OpenAI's chat completions; default https://api.openai.com/v1",
    )
    ai_model: str = Field(
        default="gpt-4.1-mini",
        min_length=1,
        max_length=128,
        validation_alias=AliasChoices("TRIBOLAKE_AI_MODEL", "TRIBOLAKE_OPENAI_MODEL", "OPENAI_MODEL"),
        description="model that words recommendations",
    )
    ai_temperature: float | None = Field(
        default=0.2, ge=0, le=2, description="temperature of the model; empty for models that take none"
    )
    language: Literal["es", "en"] = Field(default="es", description="language of recommendations")
    ai_concurrency: int = Field(default=8, ge=1, le=256, description="calls to the model that are under way at once")
    ai_deadline_seconds: float = Field(
        default=60, gt=0, description="a call to the model is given up after so long, attempts and pauses included"
    )
    ai_retries: int = Field(
        default=3, ge=0, description="a call is tried again so often where the endpoint is busy or down for a moment"
    )
    ai_max_output_tokens: int = Field(
        default=800, ge=64, description="longest reply, paid in full at worst; more for models that think first"
    )
    ai_budget_usd: float | None = Field(
        default=None, ge=0, description="what a run may spend on the model; none unless set, 0 spends nothing"
    )
    ai_prices: str | None = Field(
        default=None,
        pattern=PRICES,
        description="USD per million input and output tokens of a model whose price is not known: 0.4,1.6",
    )

    @field_validator("openai_api_key", "openai_base_url", "ai_temperature", "ai_budget_usd", "ai_prices", mode="before")
    @classmethod
    def _empty_is_none(cls, value: object) -> object:
        """A variable that is set to nothing says none."""
        said = value.get_secret_value() if isinstance(value, SecretStr) else value
        return None if isinstance(said, str) and not said.strip() else value

    @field_validator("openai_api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        """Whatever else it holds by mistake, such as a line's end, would break the first call."""
        if key is None:
            return None
        bare = key.get_secret_value().strip()
        if not (bare.isascii() and bare.isprintable() and " " not in bare):
            raise ValueError("a key has no spaces, and no characters outside ASCII")
        return SecretStr(bare)

    @field_validator("lake", "state_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        """The same folder for every process: dbt works in the folder of the warehouse."""
        return path.absolute() if path else path

    @model_validator(mode="after")
    def _short_form(self) -> Settings:
        """USE_S3 says what STORAGE_MODE leaves unsaid."""
        if self.use_s3 and "storage_mode" not in self.model_fields_set:
            object.__setattr__(self, "storage_mode", "s3")
        return self

    @property
    def address(self) -> str:
        """The lake as people call it: a folder or `s3://bucket`."""
        return f"{S3_SCHEME}{self.s3_bucket}" if self.is_on_s3 else str(self.lake)

    @property
    def state(self) -> Path:
        """The warehouse, and what runs keep on this machine: each bucket has its own."""
        if self.state_dir:
            return self.state_dir
        return self.lake / "_state" / self.s3_bucket if self.storage_mode == "s3" else self.lake / "_state"

    @property
    def is_on_s3(self) -> bool:
        """Whether S3 has the truth: bronze is read from it, and readers read from it."""
        return self.storage_mode in ("s3-primary", "s3")

    @property
    def uses_s3(self) -> bool:
        return self.storage_mode != "local"

    @property
    def publishing_folder(self) -> Path:
        """The folder that publications are made in; readers of a lake that is on S3 alone do not see it."""
        return self.state / "published" if self.storage_mode == "s3" else self.lake

    @property
    def warehouse(self) -> Path:
        return self.state / "warehouse.duckdb"

    @property
    def staging(self) -> Path:
        """Raw rows of files that were read but not loaded yet, one Parquet file per content."""
        return self.state / "staging"

    @property
    def asks_a_model(self) -> bool:
        """Whether recommendations are worded by a model: a key is set."""
        return self.openai_api_key is not None

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, for the dbt profile and the Python models; no secret is among them."""
        said = {name: value for name, value in self if value is not None and name not in KEPT_BACK}
        if self.ai_temperature is None:
            said["ai_temperature"] = ""  # leaving it out would say the default
        return {f"TRIBOLAKE_{name.upper()}": str(value) for name, value in said.items()}


def _lake_on_s3(address: str) -> dict[str, str]:
    """The settings that `s3://bucket` or `s3://bucket/prefix` stands for."""
    bucket, _, prefix = address.removeprefix(S3_SCHEME).rstrip("/").partition("/")
    return {"storage_mode": "s3", "s3_bucket": bucket} | ({"prefix": prefix} if prefix else {})


def load_settings(**flags: object) -> Settings:
    """Read the settings; a flag that is None leaves the environment's word.

    Raises:
        ConfigurationError: a value cannot be used; the message names the setting and the reason.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if str(given.get("lake", "")).startswith(S3_SCHEME):
        given |= _lake_on_s3(str(given.pop("lake")))
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"{_variable(e['loc'][0], given)}: {_said(e)}" for e in error.errors())
        raise ConfigurationError(f"{wrong}. Mend the flag, the environment variable or .env") from error


def _variable(located: object, given: Collection[str]) -> str:
    """The variable that a value came from; of a flag, the one that it stands for.

    Args:
        located: where pydantic found the value: a field's name, or one of its variables, not always that which is set.
        given: names of the fields that flags gave.
    """
    name, variables = next(found for found in _variables().items() if located in (found[0], *found[1]))
    if name in given:
        return variables[0]
    sources = EnvSettingsSource(Settings), DotEnvSettingsSource(Settings)
    there = {variable.upper() for source in sources for variable in source.env_vars}
    return next((variable for variable in variables if variable in there), variables[0])


def _variables() -> dict[str, list[str]]:
    """The environment variables of each setting, that which counts most first."""
    found = {}
    for name, field in Settings.model_fields.items():
        aliases = field.validation_alias
        found[name] = (
            [str(alias) for alias in aliases.choices]
            if isinstance(aliases, AliasChoices)
            else [f"TRIBOLAKE_{name.upper()}"]
        )
    return found


def _said(error: Mapping[str, Any]) -> str:
    """What is wrong with a value, without the value, and without a regular expression."""
    form = FORMS.get(error.get("ctx", {}).get("pattern", ""))
    return f"it is not {form}" if form else str(error["msg"])
