"""What is shipped: the wheel, the image and the compose file.

The wheel holds the three packages with their data and nothing else. The Dockerfile's and the compose file's ports,
variables, stages and users agree with each other and with the command line. That the instructions also work is shown
by ``.ci/replay_dockerfile.py``, which carries them out and needs minutes.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from email import message_from_bytes
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
import yaml

from mocktune import __version__
from mocktune.cli.app import app
from mocktune.settings import DEFAULT_PORT

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "mocktune": PROJECT / "mock_server" / "mocktune",
    "mocktune_client": PROJECT / "client" / "mocktune_client",
    "mocktune_contract": PROJECT / "contract_tests" / "mocktune_contract",
}


# -- the wheel ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """Built once; without a build environment of its own where the backend is at hand, which takes a second."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(PROJECT)]
    if importlib.util.find_spec("hatchling") is None:
        command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--wheel-dir", str(folder), str(PROJECT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    assert path.name == f"mocktune-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(path) as opened:
        yield opened


def test_the_wheel_holds_the_three_packages_with_their_data_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = {
        f"{package}/{path.relative_to(root).as_posix()}"
        for package, root in PACKAGES.items()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == expected


def test_the_wheel_holds_what_is_read_at_run_time(wheel: zipfile.ZipFile) -> None:
    held = set(wheel.namelist())
    assert {f"{package}/py.typed" for package in PACKAGES} <= held
    assert {"mocktune/scenarios/quick.toml", "mocktune/scenarios/realistic.toml", "mocktune/data/marv.jsonl"} <= held


def test_the_wheel_tells_its_command_version_and_licence(wheel: zipfile.ZipFile) -> None:
    info = f"mocktune-{__version__}.dist-info"
    assert wheel.read(f"{info}/entry_points.txt").decode().split() == [
        "[console_scripts]", "mocktune", "=", "mocktune.cli.main:main",
        "[pytest11]", "mocktune", "=", "mocktune.pytest_plugin",
        "mocktune_contract", "=", "mocktune_contract.early",
    ]  # fmt: skip
    metadata = message_from_bytes(wheel.read(f"{info}/METADATA"))
    assert metadata["Version"] == __version__
    assert metadata["License-Expression"] == "MIT"
    assert f"{info}/licenses/LICENSE" in wheel.namelist()


def test_the_wheel_names_no_machine_of_its_own(wheel: zipfile.ZipFile) -> None:
    """No dependency comes from a path or a URL, and no file tells where it was built."""
    metadata = message_from_bytes(wheel.read(f"mocktune-{__version__}.dist-info/METADATA"))
    assert [line for line in metadata.get_all("Requires-Dist", []) if "@" in line] == []
    home = str(PROJECT).encode()
    assert [name for name in wheel.namelist() if home in wheel.read(name)] == []


# -- the image and the compose file ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dockerfile() -> Iterator[ModuleType]:
    spec = importlib.util.spec_from_file_location("dockerfile", PROJECT / ".ci" / "dockerfile.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[spec.name]


@pytest.fixture(scope="module")
def stages(dockerfile: ModuleType) -> dict[str, Any]:
    read: dict[str, Any] = dockerfile.read_stages(PROJECT / "Dockerfile")
    return read


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))["services"]
    return read


def test_the_image_that_is_built_without_a_target_is_the_server(stages: dict[str, Any]) -> None:
    assert list(stages)[-1] == "server"
    assert stages["server"].entrypoint[:2] == ["mocktune", "serve"]


def test_every_base_image_is_pinned_by_tag(stages: dict[str, Any]) -> None:
    assert {stage.image for stage in stages.values()} == {"python:3.12-slim"}


def test_what_runs_is_not_root(stages: dict[str, Any]) -> None:
    assert {stages[name].user for name in ("server", "tests")} == {"65534:65534"}


def test_the_port_is_one_everywhere(stages: dict[str, Any], services: dict[str, Any]) -> None:
    server = stages["server"]
    assert server.port == DEFAULT_PORT
    assert server.environment["MOCKTUNE_PORT"] == str(DEFAULT_PORT)
    assert services["mocktune"]["ports"] == [f"127.0.0.1:{DEFAULT_PORT}:{DEFAULT_PORT}"]
    assert services["tests"]["command"] == ["--target", f"http://mocktune:{DEFAULT_PORT}/v1"]
    assert "os.environ['MOCKTUNE_PORT']" in server.healthcheck[-1]


def test_the_server_is_told_the_name_its_siblings_call(services: dict[str, Any]) -> None:
    environment = services["mocktune"]["environment"]
    assert environment["MOCKTUNE_ALLOWED_HOST"] == "mocktune"
    assert environment["MOCKTUNE_ADMIN_TOKEN"]


def test_every_variable_is_one_of_the_command_line(stages: dict[str, Any], services: dict[str, Any]) -> None:
    commands: Mapping[str, Any] = typer.main.get_group(app).commands
    known = {option.envvar for option in commands["serve"].params}
    used = {*stages["server"].environment, *services["mocktune"]["environment"]}
    assert used <= known
    written = re.findall(r"\$\{(\w+)", (PROJECT / "docker-compose.yml").read_text("utf-8"))
    assert set(written) <= known


def test_the_flags_of_the_entry_point_exist(stages: dict[str, Any]) -> None:
    commands: Mapping[str, Any] = typer.main.get_group(app).commands
    known = {flag for option in commands["serve"].params for flag in option.opts}
    assert {each for each in stages["server"].entrypoint if each.startswith("--")} <= known


def test_the_tests_wait_until_the_server_is_healthy(stages: dict[str, Any], services: dict[str, Any]) -> None:
    assert services["tests"]["depends_on"] == {"mocktune": {"condition": "service_healthy"}}
    assert stages["server"].healthcheck[0] == "python"
    assert "/_mocktune/health" in stages["server"].healthcheck[-1]
    assert "test" not in services["mocktune"]["healthcheck"], "the test is the image's own"
    assert "disable" not in services["mocktune"]["healthcheck"]


def test_the_tests_run_only_when_they_are_asked_for(services: dict[str, Any]) -> None:
    assert services["tests"]["profiles"] == ["test"]
    assert "profiles" not in services["mocktune"]


def test_the_services_are_built_from_stages_that_exist(stages: dict[str, Any], services: dict[str, Any]) -> None:
    assert {service["build"]["target"] for service in services.values()} <= set(stages)


def test_what_the_image_copies_is_not_ignored(dockerfile: ModuleType, stages: dict[str, Any]) -> None:
    ignored = (PROJECT / ".dockerignore").read_text("utf-8").splitlines()
    admitted = {line[1:] for line in ignored if line.startswith("!")}
    copies = [dockerfile.parse_copy(text) for stage in stages.values() for kind, text in stage.steps if kind == "COPY"]
    sources = {source for copy in copies if copy.source_stage is None for source in copy.sources}
    assert sources == admitted
    assert all((PROJECT / source).exists() for source in sources)


def test_the_image_needs_all_files_the_wheel_is_built_from(stages: dict[str, Any]) -> None:
    """hatchling fails without a readme or licence that pyproject names, and skips a package that is not there."""
    copied = " ".join(text for kind, text in stages["wheel"].steps if kind == "COPY")
    for needed in ("pyproject.toml", "README.md", "LICENSE", *(str(p.relative_to(PROJECT)) for p in PACKAGES.values())):
        assert needed in copied
