"""The recipes of docs/how-to, carried out as their reader would: their own blocks, written to files and run.

    python .ci/recipes.py [PAGE...] [--keep DIR]      such as: python .ci/recipes.py unittest vitest

A block that begins with a comment naming a file is that file; shell blocks are run in order, in a folder that has
README's `train.py`, a dataset, and clients of contract_tests/rehearsed. Needs bash, git, curl, node, npm and
docker-compose. What a machine without an engine cannot show is left out, and said: actions of GitHub, images, networks
of containers.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from docker_stand_in import DockerStandIn

PROJECT = Path(__file__).resolve().parent.parent
PAGES = PROJECT / "docs" / "how-to"
CLIENTS = PROJECT / "contract_tests" / "rehearsed" / "good"
TIMEOUT_S = 600

NODE_PACKAGES = {"openai": "7.5.0", "vitest": "4.1.12", "jest": "30.5.2"}
"""What the pages' `npm install` names, at the versions that are run."""

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"(?:#|//) ([\w./-]+\.\w+)\n")


class Failed(Exception):
    """A recipe does not do what its page says."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help=" ".join(RECIPES))
    parser.add_argument("--keep", type=Path, help="a folder to work in, whose environments are used again")
    arguments = parser.parse_args()
    if unknown := set(arguments.pages) - set(RECIPES):
        parser.error(f"no recipes: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="recipes-") as temporary:
        kitchen = Kitchen(arguments.keep.resolve() if arguments.keep else Path(temporary))
        for name in arguments.pages or RECIPES:
            print(f"== {name}", flush=True)
            try:
                RECIPES[name](kitchen)
            except (Failed, subprocess.TimeoutExpired) as failure:
                sys.exit(f"recipe {name}: {failure}")
            print("   passed", flush=True)


# -- pages -------------------------------------------------------------------------------------------------------------


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each code block."""
    return [(language, text) for language, text in _BLOCK.findall(page.read_text("utf-8"))]


def files_of(page: Path) -> dict[str, str]:
    """The files that a page shows, by their name."""
    return {found[1]: text for _, text in blocks(page) if (found := _FILE.match(text))}


def shell_blocks(page: Path) -> list[str]:
    return [text for language, text in blocks(page) if language == "bash" and not _FILE.match(text)]


# -- the kitchen -------------------------------------------------------------------------------------------------------


class Kitchen:
    """Folders, environments and servers. ``bin`` is where this Python and its mocktune are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = Path(sys.executable).parent
        folder.mkdir(parents=True, exist_ok=True)

    def project(self, name: str, *pages: str, leave_out: tuple[str, ...] = ()) -> Path:
        """A reader's project: README's modules, a dataset, clients, and the files of the pages."""
        folder = self.folder / name
        for old in folder.glob("*"):
            if old.name not in ("node_modules", "package.json", "package-lock.json"):
                shutil.rmtree(old) if old.is_dir() and not old.is_symlink() else old.unlink()
        files = files_of(PROJECT / "README.md")
        for page in pages:
            files |= {file: text for file, text in files_of(PAGES / f"{page}.md").items() if file not in leave_out}
        for file, text in files.items():
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
        (folder / "train.jsonl").write_text("".join(_examples()), "utf-8")
        shutil.copy(CLIENTS / "curl.sh", folder / "train.sh")
        shutil.copy(CLIENTS / "sdk.py", folder / "nightly.py")
        return folder

    def run(self, script: str, folder: Path, *, shell: str = "bash -euo pipefail", bin: Path | None = None,
            **variables: str) -> str:  # fmt: skip
        """What a script of a page printed. Raises ``Failed``."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "MOCKTUNE_"))}
        for name in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
            environ.pop(name, None)
        environ |= {"PATH": f"{bin or self.bin}:{os.environ['PATH']}", "CI": "true", **variables}
        for line in script.strip().splitlines():
            print(f"   $ {line}", flush=True)
        done = subprocess.run(
            [*shell.split(), "-c", script], cwd=folder, env=environ, stdin=subprocess.DEVNULL, timeout=TIMEOUT_S,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise Failed(f"exit code {done.returncode}\n{done.stdout}")
        return done.stdout

    @contextmanager
    def server(self, **settings: str) -> Iterator[dict[str, Any]]:
        """``mocktune serve`` on loopback with variables as its settings: its ready line."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("MOCKTUNE_")} | settings
        command = [self.bin / "mocktune", "serve", "--host", "127.0.0.1", "--port", "0"]
        with subprocess.Popen(
            command, cwd=self.folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as process:
            try:
                assert process.stdout is not None
                yield json.loads(process.stdout.readline())
            finally:
                process.terminate()

    def fresh_environment(self) -> Path:
        """The ``bin`` of a virtual environment in which nothing was installed before the first page that asks."""
        return self._environment("fresh")

    def check_schema(self, schema: str, file: Path) -> None:
        bin = self._environment("tools", "check-jsonschema>=0.37")
        self.run(f"check-jsonschema --builtin-schema vendor.{schema} {file.name}", file.parent, bin=bin)

    def _environment(self, name: str, *needed: str) -> Path:
        folder = self.folder / f"venv-{name}"
        if not (folder / "bin" / "pip").exists():
            venv.create(folder, with_pip=True)
            if needed:
                self.run("pip install -q " + " ".join(f"'{each}'" for each in needed), folder, bin=folder / "bin")
        return folder / "bin"

    def node_modules(self) -> Path:
        folder = self.folder / "web"
        if not (folder / "node_modules").exists():
            folder.mkdir(exist_ok=True)
            (folder / "package.json").write_text('{"private": true}\n', "utf-8")
            named = " ".join(f"{name}@{version}" for name, version in NODE_PACKAGES.items())
            self.run(f"npm install --no-audit --no-fund --loglevel=error --save-dev {named}", folder)
        return folder / "node_modules"

    def source(self) -> Path:
        """This tree as a repository that can be cloned: with what is not committed, without what is ignored."""
        folder = self.folder / "source"
        if not folder.exists():
            listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
            names = subprocess.run(listed, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
            for name in filter(None, names.split("\0")):
                if (PROJECT / name).is_file():
                    (folder / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(PROJECT / name, folder / name)
            author = ("-c", "user.name=recipes", "-c", "user.email=recipes@example.com")
            for command in (("init", "-q"), ("add", "-A"), (*author, "commit", "-q", "-m", "as it stands")):
                subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
        return folder


def _examples() -> Iterator[str]:
    for n in range(12):
        question = {"role": "user", "content": f"What is {n} times {n}?"}
        yield json.dumps({"messages": [question, {"role": "assistant", "content": f"{n * n}, obviously."}]}) + "\n"


def expect(said: str, *texts: str) -> None:
    for text in texts:
        if text not in said:
            raise Failed(f"{text!r} is not in what was printed:\n{said}")


# -- the recipes -------------------------------------------------------------------------------------------------------


def unittest(kitchen: Kitchen) -> None:
    folder = kitchen.project("unittest", "unittest")
    for script in shell_blocks(PAGES / "unittest.md"):
        expect(kitchen.run(script, folder), "Ran 3 tests", "OK")


def node(kitchen: Kitchen) -> None:
    _node_page(kitchen, "node", "# pass 2", "no findings")


def vitest(kitchen: Kitchen) -> None:
    _node_page(kitchen, "vitest", "2 passed", "no findings")


def jest(kitchen: Kitchen) -> None:
    _node_page(kitchen, "jest", "2 passed", "no findings")


def _node_page(kitchen: Kitchen, page: str, *printed: str) -> None:
    modules = kitchen.node_modules()
    folder = kitchen.project(page, "node", leave_out=("tune.test.mjs",) if page != "node" else ())
    for file, text in files_of(PAGES / f"{page}.md").items():
        (folder / file).write_text(text, "utf-8")
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(modules)
    (script,) = shell_blocks(PAGES / f"{page}.md")
    install, _, rest = script.partition("\n")
    if unknown := set(install.removeprefix("npm install --save-dev ").split()) - set(NODE_PACKAGES):
        raise Failed(f"{unknown} are not among the packages that are installed: {NODE_PACKAGES}")
    (folder / "package.json").write_text('{"private": true}\n', "utf-8")
    expect(kitchen.run(rest, folder, NO_COLOR="1"), *printed)


def curl(kitchen: Kitchen) -> None:
    folder = kitchen.project("curl", "curl")
    by_hand, under_test = shell_blocks(PAGES / "curl.md")
    with kitchen.server() as ready:
        said = kitchen.run(by_hand, folder, OPENAI_BASE_URL=ready["base_url"], OPENAI_API_KEY="sk-curl")
    expect(said, "The job has successfully completed", "[DONE]", '"clean": true')
    expect(kitchen.run(under_test, folder), "49, obviously.", "ready")


def run_in_ci(kitchen: Kitchen) -> None:
    folder = kitchen.project("run-in-ci")
    as_a_process = shell_blocks(PAGES / "run-in-ci.md")[0]
    expect(kitchen.run(as_a_process, folder, POLL_SECONDS="1"), "49, obviously.")
    print("   left out: the contract suite as a sibling, which .ci/replay_dockerfile.py runs")


def github_actions(kitchen: Kitchen) -> None:
    folder = kitchen.project("github-actions", "github-actions")
    file = folder / ".github" / "workflows" / "fine-tuning.yml"
    kitchen.check_schema("github-workflows", file)
    (job,) = yaml.safe_load(file.read_text("utf-8"))["jobs"].values()
    of_runner = {"RUNNER_TEMP": str(_emptied(kitchen.folder / "runner")), **job["env"], **_clone_of(kitchen)}
    for step in job["steps"]:
        if "run" in step:
            kitchen.run(step["run"], folder, shell="bash -e", bin=kitchen.fresh_environment(), **of_runner)
        else:
            print(f"   left out: {step['uses']}")
    _reports_are_there(folder)


def gitlab_ci(kitchen: Kitchen) -> None:
    folder = kitchen.project("gitlab-ci", "gitlab-ci")
    shutil.rmtree(folder / ".mocktune", ignore_errors=True)
    kitchen.check_schema("gitlab-ci", folder / ".gitlab-ci.yml")
    (job,) = yaml.safe_load((folder / ".gitlab-ci.yml").read_text("utf-8")).values()
    script = "\n".join([*job["before_script"], *job["script"]])
    variables = {**job["variables"], **_clone_of(kitchen)}
    kitchen.run(script, folder, shell="bash -eo pipefail", bin=kitchen.fresh_environment(), **variables)
    print(f"   left out: the image {job['image']}, the upload of reports")
    _reports_are_there(folder)


def _clone_of(kitchen: Kitchen) -> dict[str, str]:
    return {"MOCKTUNE": f"file://{kitchen.source()}"}


def _reports_are_there(folder: Path) -> None:
    for name, beginning in (("tests.xml", "<?xml"), ("rehearsal.xml", "<?xml"), ("rehearsal.html", "<!")):
        if not (folder / name).read_text("utf-8").lstrip().startswith(beginning):
            raise Failed(f"{name} is no report")


def docker_compose(kitchen: Kitchen) -> None:
    folder = kitchen.project("docker-compose", "docker-compose")
    (folder / "path" / "to").mkdir(parents=True)
    (folder / "path" / "to" / "mocktune").symlink_to(PROJECT)
    kitchen.check_schema("compose-spec", folder / "compose.yml")
    kitchen.run("docker-compose -f compose.yml config -q", folder)
    services = yaml.safe_load((folder / "compose.yml").read_text("utf-8"))["services"]
    server, app = services["mocktune"], services["app"]
    name = server["environment"]["MOCKTUNE_ALLOWED_HOST"]
    with kitchen.server(**server["environment"]) as ready:
        health = f"curl -sf -H 'host: {name}:4141' {ready['root']}/_mocktune/health"
        expect(kitchen.run(health, folder), '"ok"')
        environ = {**app["environment"], "OPENAI_BASE_URL": ready["base_url"]}
        if app["environment"]["OPENAI_BASE_URL"] != f"http://{name}:4141/v1":
            raise Failed("the app does not call the server by the name that it allows")
        expect(kitchen.run(" ".join(app["command"]), folder, **environ), "49, obviously.")
    print("   left out: building the images (.ci/replay_dockerfile.py carries the instructions out), the network")


def testcontainers(kitchen: Kitchen) -> None:
    folder = kitchen.project("testcontainers", "testcontainers")
    bin = kitchen.fresh_environment()
    (script,) = shell_blocks(PAGES / "testcontainers.md")
    with DockerStandIn(kitchen.bin / "mocktune", "mocktune:latest", 4141) as engine:
        of_engine = {
            "DOCKER_HOST": engine.host,
            "TESTCONTAINERS_RYUK_DISABLED": "true",
            # Else it guesses from the machine, which may be a container itself.
            "TESTCONTAINERS_CONNECTION_MODE": "docker_host",
            "TESTCONTAINERS_HOST_OVERRIDE": "127.0.0.1",
        }
        script = script.replace("pip install path/to/mocktune", f"pip install -q {kitchen.source()}")
        expect(kitchen.run(script, folder, bin=bin, **of_engine), "1 passed")
    if (len(engine.created), engine.removed, engine.created[0]["Image"]) != (1, 1, "mocktune:latest"):
        raise Failed(f"the container was not asked for as it was to be: {engine.created}")
    print("   left out: a Docker engine; a stand-in of its API started the image's command on loopback")


def tune(kitchen: Kitchen) -> None:
    folder = kitchen.project("tune")
    state = str(_emptied(kitchen.folder / "state"))
    said = kitchen.run("\n".join(shell_blocks(PAGES / "tune.md")), folder, MOCKTUNE_STATE_DIR=state)
    expect(said, "target: local, a mocktune server of this command", "nothing was sent", "exit code 1")
    expect(said, "ready: 20 of 20", "mocktune attach ftjob-", "49, obviously.")
    if not list((folder / "report").glob("*.html")):
        raise Failed("there is no report")


def prompt_engineering(kitchen: Kitchen) -> None:
    _rung(kitchen, "prompt-engineering")


def prompt_chaining(kitchen: Kitchen) -> None:
    _rung(kitchen, "prompt-chaining")


def function_calling(kitchen: Kitchen) -> None:
    _rung(kitchen, "function-calling")


def distillation(kitchen: Kitchen) -> None:
    _rung(kitchen, "distillation")


def _rung(kitchen: Kitchen, page: str) -> None:
    """One page of the ladder, whose evaluations print what its ``console`` blocks show."""
    folder = kitchen.project(page, "prompt-engineering", page)
    said = ""
    with kitchen.server() as ready:
        environ = {"OPENAI_BASE_URL": ready["base_url"], "OPENAI_API_KEY": "sk-ladder"}
        for script in shell_blocks(PAGES / f"{page}.md"):
            said += kitchen.run(script, folder, **environ, MOCKTUNE_STATE_DIR=str(folder / "state"))
    expect(said, *(text for language, text in blocks(PAGES / f"{page}.md") if language == "console"))


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


RECIPES: dict[str, Callable[[Kitchen], None]] = {
    "tune": tune,
    "prompt-engineering": prompt_engineering,
    "prompt-chaining": prompt_chaining,
    "function-calling": function_calling,
    "distillation": distillation,
    "unittest": unittest,
    "curl": curl,
    "run-in-ci": run_in_ci,
    "docker-compose": docker_compose,
    "node": node,
    "vitest": vitest,
    "jest": jest,
    "github-actions": github_actions,
    "gitlab-ci": gitlab_ci,
    "testcontainers": testcontainers,
}

if __name__ == "__main__":
    main()
