"""Settings. No other package reads the environment.

Precedence: command-line flag > environment variable > `.env` > default. `docs/settings.md` lists all of them.
"""

from tribolake.settings.load import load_settings
from tribolake.settings.project_dir import IS_CHECKOUT, PACKAGE_DIR, PROJECT_DIR
from tribolake.settings.settings import S3_SCHEME, SECRETS, Settings

__all__ = ["IS_CHECKOUT", "PACKAGE_DIR", "PROJECT_DIR", "S3_SCHEME", "SECRETS", "Settings", "load_settings"]
