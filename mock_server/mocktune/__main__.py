"""``python -m mocktune``: the same as the command ``mocktune``."""

from mocktune.cli.main import main

main()
