"""The watcher: publish new bronze files as gold within seconds."""
