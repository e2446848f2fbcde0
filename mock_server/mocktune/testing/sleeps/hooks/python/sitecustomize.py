"""Makes this interpreter skip its sleeps: Python imports a module of this name when it starts.

``mocktune exec`` and ``mocktune rehearse`` put this folder first on ``PYTHONPATH``. The engine is loaded by path, and
the ``sitecustomize`` that this one hides is run after it.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _load_engine() -> Any:
    import importlib.util

    name = "_mocktune_sleeps"
    folder = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    start = os.path.join(folder, "__init__.py")
    spec = importlib.util.spec_from_file_location(name, start, submodule_search_locations=[folder])
    if spec is None or spec.loader is None:
        raise ImportError("there is no engine at " + folder)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return importlib.import_module(name + ".preloading")


def _run_hidden() -> None:
    import importlib.machinery
    import importlib.util

    here = os.path.dirname(os.path.abspath(__file__))
    others = [path for path in sys.path if os.path.abspath(path or os.curdir) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_root, _key = os.environ.get("MOCKTUNE_SLEEPS_ROOT"), os.environ.get("MOCKTUNE_SLEEPS_KEY")
if _root and _key and sys.version_info >= (3, 9):
    try:
        _load_engine().start(_root, _key)
    except Exception as _error:
        sys.stderr.write(f"mocktune: sleeps are not skipped in this process ({type(_error).__name__}: {_error})\n")
_run_hidden()
