"""No code from data: what the installed package's own files import and call."""

from __future__ import annotations

import ast
from importlib.metadata import distribution
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import streamcalib

if TYPE_CHECKING:
    from collections.abc import Iterator

# Packages that make objects or code of bytes, and functions that do.
MODULES = frozenset(
    {"pickle", "_pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "jsonpickle"}
    | {"code", "codeop", "runpy", "dbm", "copyreg", "pty", "xml", "imp"}
)
BUILTINS = frozenset({"eval", "exec", "compile", "__import__"})
METHODS = frozenset({"literal_eval", "find_class", "load_module", "exec_module", "safe_eval"})
# joblib.load and the like unpickle whatever they are given; numpy.load does if it is told to.
LOADERS = frozenset(
    {
        "joblib.load",
        "torch.load",
        "torch.hub.load",
        "torch.jit.load",
        "yaml.load",
        "yaml.full_load",
        "yaml.unsafe_load",
        "yaml.load_all",
        "pd.read_pickle",
        "os.system",
    }
)


def sources() -> list[Path]:
    """Return the package's files as they are installed, wherever that is."""
    package = Path(str(files("streamcalib")))
    return sorted(path for path in package.rglob("*") if path.is_file())


def suspects(tree: ast.AST) -> Iterator[str]:
    """Yield what a module must not do."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            names = []
        for name in names:
            if MODULES.intersection(name.split(".")):
                yield f"imports {name}"
        if isinstance(node, ast.Name) and node.id in BUILTINS:
            yield f"uses {node.id}"
        if isinstance(node, ast.Attribute) and node.attr in METHODS:
            yield f"uses {node.attr}"
        if isinstance(node, ast.Call):
            yield from _calls(node)


def _calls(call: ast.Call) -> Iterator[str]:
    name = ast.unparse(call.func)
    if name in LOADERS:
        yield f"calls {name}"
    for keyword in call.keywords:
        value = keyword.value
        false = isinstance(value, ast.Constant) and value.value is False
        if keyword.arg in ("allow_pickle", "shell", "load_external_data") and not false:
            yield f"passes {keyword.arg}={ast.unparse(value)} to {name}"
    if name in ("np.load", "numpy.load") and not any(
        k.arg == "allow_pickle" for k in call.keywords
    ):
        yield f"calls {name} without allow_pickle=False"
    if name == "import_module" and not _is_our_own(call.args[0]):
        yield f"imports {ast.unparse(call.args[0])}"


def _is_our_own(name: ast.expr) -> bool:
    """Whether a module's name begins as this package's or Pillow's does, or is of its own table."""
    return ast.unparse(name).startswith(("f'{__name__}.", "_HOMES[", "f'PIL.{"))


@pytest.mark.parametrize("path", sources(), ids=lambda path: "/".join(path.parts[-2:]))
def test_no_file_makes_code_of_data(path):
    """No pickle, no evaluation, no loader that does either; nothing but Python is installed."""
    if path.suffix == ".pyc" or path.name == "py.typed":
        return
    if path.suffix in (".css", ".html", ".js"):
        assert path.parent.name == "report", "a page's parts lie beside what writes it"
        return
    assert path.suffix == ".py", "what is this?"
    assert list(suspects(ast.parse(path.read_text(encoding="utf-8")))) == []


def test_what_is_looked_at_is_what_is_installed():
    """All modules are found, and the distribution asks for nothing that unpickles for it."""
    names = {path.name for path in sources()}
    assert {"__init__.py", "calibset.py", "npy_header.py", "worker.py"} <= names
    assert len([path for path in sources() if path.suffix == ".py"]) > 80
    assert all(home.startswith("streamcalib.") for home in streamcalib._HOMES.values())
    required = " ".join(distribution("streamcalib").requires or ()).lower()
    assert not any(name in required for name in ("pickle", "dill"))


@pytest.mark.parametrize(
    "code",
    [
        "import pickle",
        "import pickle as p",
        "from pickle import loads",
        "import joblib.externals.cloudpickle",
        "from joblib.externals import cloudpickle",
        "def f():\n    import marshal",
        "eval('1')",
        "x = exec",
        "compile('1', '', 'eval')",
        "__import__('os')",
        "import ast\nast.literal_eval('1')",
        "import numpy as np\nnp.load('a')",
        "import numpy as np\nnp.load('a', allow_pickle=True)",
        "import numpy as np\nnp.load('a', allow_pickle=flag)",
        "import joblib\njoblib.load('a')",
        "import subprocess\nsubprocess.run('ls', shell=True)",
        "from importlib import import_module\nimport_module(name)",
    ],
)
def test_the_test_finds_what_it_is_for(code):
    """Each of these would be told."""
    assert list(suspects(ast.parse(code)))
