"""Settings: the only module that reads the environment.

Precedence: command-line flag > environment (`TRIBOLAKE_*`) > `.env` > default. A flag reaches a process that the
wrapper starts through :meth:`Settings.environment`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from tribolake.errors import ConfigurationError

PROJECT_DIR = Path(__file__).resolve().parents[2]


class Settings(BaseSettings):
    """Where the lake is and how much a run may use."""

    model_config = SettingsConfigDict(env_prefix="TRIBOLAKE_", env_file=".env", extra="ignore", frozen=True)

    lake: Path = Field(
        default=Path("data"), validate_default=True, description="folder that holds {prefix}/bronze/{client}/..."
    )
    prefix: str = Field(default="oil-analysis", pattern=r"^[a-z0-9][a-z0-9/_-]*$", description="data product")
    state_dir: Path | None = Field(default=None, description="warehouse and staging; default {lake}/_state")
    memory_limit: str = Field(default="450MB", pattern=r"^\d+(\.\d+)?[MG]B$", description="DuckDB's memory")
    max_file_mb: int = Field(default=200, ge=1, description="larger laboratory files are refused")
    max_inflated_mb: int = Field(default=512, ge=1, description="larger workbooks, once unzipped, are refused")
    reader_memory_mb: int = Field(default=1536, ge=256, description="memory of the process that reads one file")
    notify: tuple[str, ...] = Field(default=(), description="apprise addresses, as a JSON list; empty tells nobody")
    follow_links: bool = Field(default=True, description="read files that links in bronze lead to")
    reader_seconds: int = Field(default=300, ge=1, description="processor time that reading one file may take")

    watch_settle_seconds: float = Field(default=0.25, gt=0, description="a file is complete when unchanged for so long")
    watch_max_wait_seconds: float = Field(
        default=30, gt=0, description="complete files wait no longer for others that still change"
    )
    watch_rescan_seconds: float = Field(default=300, gt=0, description="a run is due so often without any event")
    watch_polling: bool = Field(default=False, description="look for changes instead of waiting for events")
    watch_stop_seconds: float = Field(default=30, gt=0, description="a run under way may finish when stopped")

    @field_validator("lake", "state_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        """The same folder for every process: dbt works in the folder of the warehouse."""
        return path.absolute() if path else path

    @property
    def state(self) -> Path:
        return self.state_dir or self.lake / "_state"

    @property
    def warehouse(self) -> Path:
        return self.state / "warehouse.duckdb"

    @property
    def staging(self) -> Path:
        """Raw rows of files that were read but not loaded yet, one Parquet file per content."""
        return self.state / "staging"

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, for the dbt profile and the Python models."""
        return {
            f"TRIBOLAKE_{name.upper()}": str(value) for name, value in self if value is not None and name != "notify"
        }


def load_settings(**flags: object) -> Settings:
    """Read the settings; a flag that is None leaves the environment's word.

    Raises:
        ConfigurationError: a value cannot be used; the message names the setting and the reason.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    if str(given.get("lake", "")).startswith("s3://"):
        raise ConfigurationError("this version reads and publishes folders only: give --lake a folder")
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(f"TRIBOLAKE_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors())
        raise ConfigurationError(f"{wrong}. Mend the flag, the environment variable or .env") from error
