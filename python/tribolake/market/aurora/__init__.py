"""Aurora, or another PostgreSQL or MySQL: tables of all sessions, for applications that ask by SQL."""

NOT_INSTALLED = "{name} is not installed: install requirements-market.lock, or `pip install 'tribolake[market]'`"
