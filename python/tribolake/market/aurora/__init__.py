"""Aurora, or another PostgreSQL or MySQL: tables of all sessions, for applications that ask by SQL."""
