"""mocktune: a local, offline, OpenAI-compatible fine-tuning service that behaves like the real one in time."""

__version__ = "0.1.0"

__all__ = ["__version__"]
