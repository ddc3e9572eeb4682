"""The configuration that a run words with: the prompt of this version and the model of the settings."""

from __future__ import annotations

from tribolake.oil.wording.prompt import PROMPT_VERSION
from tribolake.oil.wording.wording import Configuration
from tribolake.settings import Settings


def configuration_of(settings: Settings) -> Configuration:
    return Configuration(PROMPT_VERSION, settings.model.name, settings.model.temperature, settings.language)
