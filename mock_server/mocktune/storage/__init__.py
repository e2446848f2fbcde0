"""Adapters that keep things: objects in memory, uploaded bytes on disk, scenarios in TOML."""
