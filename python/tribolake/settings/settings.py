"""The settings of a lake, in groups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr, field_validator, model_validator
from pydantic.fields import FieldInfo

from tribolake.settings.groups import (
    PAGES,
    PREFIX,
    SIZE,
    UMASK,
    AuroraSettings,
    Group,
    MarketSettings,
    ModelSettings,
    ReaderSettings,
    S3Settings,
    TriggerSettings,
    WatchSettings,
    setting,
)
from tribolake.settings.machine import database_memory, machine_memory_mb
from tribolake.sql import PATTERN_SIGNS
from tribolake.texts import not_utf8

StorageMode = Literal["local", "dual", "s3-primary", "s3"]
S3_SCHEME = "s3://"
PRIVATE = 0o027  # laboratory data is for the group of the lake


class Settings(Group):
    """The lake, and the resources of a run."""

    lake: Path = setting(
        "lake",
        default=Path("data"),
        validate_default=True,
        description="folder that holds {prefix}/bronze/{client}/..., or s3://bucket",
    )
    prefix: str = setting(
        "prefix", "S3_PREFIX", default="oil-analysis", pattern=PREFIX, description="folder of the data product"
    )
    state_dir: Path | None = setting(
        "state_dir", default=None, description="folder of the warehouse and of staged rows; empty is {lake}/_state"
    )
    cache_dir: Path | None = setting(
        "cache_dir",
        default=None,
        description="folder of the parsed dbt project; empty is ~/.cache/tribolake, or target in a checkout",
    )
    storage_mode: StorageMode = setting(
        "storage_mode",
        "STORAGE_MODE",
        default="local",
        description="local: a folder; dual: a folder, copied to S3; s3-primary: S3, copied to a folder; s3: S3 only",
    )
    use_s3: bool = setting("use_s3", "USE_S3", default=False, description="short for STORAGE_MODE=s3")
    memory_limit: str = setting(
        "memory_limit",
        default="",
        pattern=SIZE,
        description="memory for DuckDB; empty is what a product says, or a quarter of the machine's from 450MB to 4GB",
    )
    umask: str = setting(
        "umask",
        default="",
        pattern=UMASK,
        description="permissions that files and folders do not get; empty is the umask of the process and 027",
    )
    debug: bool = setting("debug", default=False, description="show the traceback of an error")
    log_format: Literal["text", "json"] = setting(
        "log_format", default="text", description="form of lines on stderr: `json` has one object a line"
    )
    language: Literal["es", "en"] = setting("language", default="es", description="language of recommendations")
    notify: tuple[str, ...] = setting(
        "notify", default=(), is_secret=True, description="apprise addresses that get messages; empty sends none"
    )
    pages_url: str = setting(
        "pages_url",
        default="",
        pattern=PAGES,
        description="where readers open the pages of `serve`; messages link to them; empty is no link",
    )

    access_file: Path | None = setting(
        "access_file",
        default=None,
        description="file that says who sees which clients on the pages; empty is whoever is on this machine",
    )
    oidc_secret: SecretStr | None = setting(
        "oidc_secret",
        default=None,
        is_secret=True,
        description="secret of this client at the issuer that the access file names",
    )

    s3: S3Settings = S3Settings()
    watch: WatchSettings = WatchSettings()
    reader: ReaderSettings = ReaderSettings()
    model: ModelSettings = ModelSettings()
    market: MarketSettings = MarketSettings()
    aurora: AuroraSettings = AuroraSettings()
    trigger: TriggerSettings = TriggerSettings()

    @field_validator("lake", "state_dir", "cache_dir", "access_file")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        """Make paths absolute: dbt works in another folder."""
        return path.absolute() if path else path

    @field_validator("lake", "state_dir", "cache_dir")
    @classmethod
    def _of_duckdb(cls, path: Path | None) -> Path | None:
        """Refuse a path that DuckDB takes for a pattern, which other folders may have, or that it cannot open."""
        if found := PATTERN_SIGNS.search(str(path or "")):
            raise ValueError(
                f"DuckDB takes {found[0]} in a path for a pattern: rename the folder, or mount it elsewhere"
            )
        if path and not_utf8(str(path)):
            raise ValueError(
                "its path is not UTF-8, and DuckDB cannot open it: rename the folder, or mount it elsewhere"
            )
        return path

    @field_validator("notify", mode="before")
    @classmethod
    def _from_json(cls, value: object) -> object:
        """Parse the JSON list of a variable."""
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("""it is not a JSON list of apprise addresses, as in ["mailto://..."]""") from None

    @model_validator(mode="after")
    def _of_this_machine(self) -> Settings:
        """Fit the memory for DuckDB to the machine if it is not set."""
        if not self.memory_limit:
            object.__setattr__(self, "memory_limit", database_memory(machine_memory_mb()))
        return self

    @model_validator(mode="after")
    def _short_form(self) -> Settings:
        """Apply USE_S3 if STORAGE_MODE is not set."""
        if self.use_s3 and "storage_mode" not in self.model_fields_set:
            object.__setattr__(self, "storage_mode", "s3")
        return self

    @property
    def address(self) -> str:
        """The lake in messages: a folder or `s3://bucket`."""
        return f"{S3_SCHEME}{self.s3.bucket}" if self.is_on_s3 else str(self.lake)

    @property
    def state(self) -> Path:
        """The folder of the warehouse and of state on this machine. Each bucket has its own."""
        if self.state_dir:
            return self.state_dir
        return self.lake / "_state" / self.s3.bucket if self.storage_mode == "s3" else self.lake / "_state"

    @property
    def is_on_s3(self) -> bool:
        """Whether bronze and gold are read from S3."""
        return self.storage_mode in ("s3-primary", "s3")

    @property
    def home(self) -> str:
        """Where readers look: the storage mode, and the bucket if there is one. A folder may move."""
        return f"{self.storage_mode} {self.s3.bucket}" if self.uses_s3 else self.storage_mode

    @property
    def uses_s3(self) -> bool:
        return self.storage_mode != "local"

    @property
    def publishing_folder(self) -> Path:
        """The folder in which publications are made. Readers of a lake on S3 only do not see it."""
        return self.state / "published" if self.storage_mode == "s3" else self.lake

    @property
    def warehouse(self) -> Path:
        return self.state / "warehouse.duckdb"

    @property
    def staging(self) -> Path:
        """The folder of rows that were read but not loaded yet, one Parquet file per content."""
        return self.state / "staging"

    def mask(self, own: int) -> int:
        """Return the umask of commands, for a process that has its own."""
        return int(self.umask, 8) if self.umask else own | PRIVATE

    @property
    def asks_a_model(self) -> bool:
        """Whether a key is set, so that a model words recommendations."""
        return self.model.api_key is not None

    def value_of(self, name: str) -> Any:
        """Return the value of a setting, named by flag."""
        return reduce(getattr, SETTINGS[name].place, self)

    def changed(self, **values: object) -> Settings:
        """Return a copy with other values, named by flag. They are not checked."""
        update: dict[str, Any] = {}
        for name, value in values.items():
            *group, field = SETTINGS[name].place
            if group:
                before = update.get(group[0], getattr(self, group[0]))
                update[group[0]] = before.model_copy(update={field: value})
            else:
                update[field] = value
        return self.model_copy(update=update)

    def in_folder(self, folder: Path) -> Settings:
        """Return the settings of a lake of its own in a folder, without S3, notifications and Aurora."""
        away = {"lake": folder, "state_dir": folder / "_state", "storage_mode": "local", "use_s3": False, "notify": ()}
        away["aurora"] = AuroraSettings()
        return self.model_copy(update=away)

    def environment(self) -> dict[str, str]:
        """Return settings without secrets as environment variables, for dbt and the processes of a run."""
        values = {name: self.value_of(name) for name, known in SETTINGS.items() if not known.is_secret}
        if self.model.temperature is None:
            values["ai_temperature"] = ""  # leaving it out would mean the default
        return {SETTINGS[name].variables[0]: str(value) for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Setting:
    """A setting: its place in the groups, and the variables that set it, the most important first."""

    name: str
    place: tuple[str, ...]
    variables: tuple[str, ...]
    is_secret: bool
    field: FieldInfo


def _settings_of(group: type[Group], *above: str) -> Iterator[Setting]:
    for name, field in group.model_fields.items():
        known_by: Mapping[str, Any] = field.json_schema_extra  # type: ignore[assignment]
        if known_by is None:
            yield from _settings_of(type(field.default), *above, name)
        else:
            variables = (f"TRIBOLAKE_{known_by['name'].upper()}", *known_by["aliases"])
            yield Setting(known_by["name"], (*above, name), variables, known_by["is_secret"], field)


SETTINGS = {known.name: known for known in _settings_of(Settings)}
SECRETS = tuple(variable for known in SETTINGS.values() if known.is_secret for variable in known.variables)
