"""How ``mocktune serve`` reads what it is told."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from mocktune.cli.pyproject import KEYS, parameter_name, serve_defaults
from mocktune.cli.serve import SizeError, is_loopback, serve, size_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("123", 123),
        ("7B", 7),
        ("64 KiB", 64 * 1024),
        ("512MB", 512 * 1024**2),
        ("1.5g", 1536 * 1024**2),
        ("2TB", 2 * 1024**4),
    ],
)
def test_sizes_are_read_in_powers_of_1024(text: str, size: int) -> None:
    assert size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "MB", "12X", "-1", "1e9", "1GBB", "٣MB", "1.2345"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(SizeError, match="is no size: write it like"):
        size_bytes(text)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.3.2.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_loopback_addresses_need_no_token(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com", "localhost.example.com", ""])
def test_all_other_addresses_do(host: str) -> None:
    assert not is_loopback(host)


def test_every_flag_has_a_key_in_the_table_and_the_other_way_round() -> None:
    assert [parameter_name(key) for key in KEYS] == list(inspect.signature(serve).parameters)


def test_a_table_gives_the_defaults_of_the_flags_it_names(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.mocktune]\nport = 0\nset = ["model.absent_for=20s"]\nallowed-host = ["a", "b"]\nmax-disk = "1GB"\n',
        "utf-8",
    )
    assert serve_defaults(tmp_path) == {
        "port": 0,
        "set_": ["model.absent_for=20s"],
        "allowed_host": ["a", "b"],
        "max_disk": "1GB",
    }


@pytest.mark.parametrize("text", ["", "[project]\nname = 'x'\n", "[tool.other]\nmocktune = 1\n"])
def test_a_file_without_the_table_gives_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    assert serve_defaults(tmp_path) == {}


def test_no_file_gives_none(tmp_path: Path) -> None:
    assert serve_defaults(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.mocktune]\nscenari = 'quick'\n", "has no key 'scenari'; did you mean 'scenario'?"),
        ("[tool.mocktune]\nset = 'a=b'\n", "set must be a list of texts"),
        ("[tool.mocktune]\nport = true\n", "port must be a text or a whole number"),
        ("[tool]\nmocktune = 3\n", "[tool.mocktune] must be a table"),
        ("[tool.mocktune\n", "is no TOML"),
    ],
)
def test_a_table_that_cannot_be_meant_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "pyproject.toml").write_text(text, "utf-8")
    with pytest.raises(SystemExit) as ended:
        serve_defaults(tmp_path)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
