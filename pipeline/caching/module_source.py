"""One Python file: a digest of what it does, and which modules it may load. Pure functions of its bytes.

The digest is of the syntax tree, so comments and formatting do not count; docstrings do, because code can read them.
"""

import ast
import dataclasses
import hashlib
import re
import sys
import warnings
from collections.abc import Iterator

KIND = f"module-{sys.version_info.major}.{sys.version_info.minor}"
"""Under which name the file index keeps what is found here: a syntax tree is of one Python version."""

_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")
_SCRIPT = re.compile(r"[\w-]+\.py")


@dataclasses.dataclass(frozen=True)
class ModuleSource:
    """What one file says.

    Attributes:
      digest: SHA-256 of its syntax tree, or of its bytes if they are no Python.
      imports: every `import` in it, functions included: level (0 is absolute), module, imported name or "".
      texts: texts in it that could name a module (`models.x.train.run_fn`) or a script beside it (`probe.py`).
    """

    digest: str
    imports: tuple[tuple[int, str, str], ...] = ()
    texts: tuple[str, ...] = ()


def read_source(content: bytes) -> ModuleSource:
    """What the file of this content says."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about invalid escapes: they are the author's business
            tree = ast.parse(content)
        dump = ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ModuleSource(hashlib.sha256(content).hexdigest())
    nodes = list(_loaded(tree))
    return ModuleSource(
        digest=hashlib.sha256(dump.encode("utf-8", errors="surrogatepass")).hexdigest(),
        imports=tuple(dict.fromkeys(item for node in nodes for item in _imports(node))),
        texts=tuple(dict.fromkeys(text for node in nodes for text in _texts(node))),
    )


def _loaded(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node below, without the blocks that only a type checker reads."""
    pending = [tree]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, ast.If) and _is_type_checking(node.test):
            pending += node.orelse
        else:
            pending += ast.iter_child_nodes(node)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def _imports(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield (0, alias.name, "")
    elif isinstance(node, ast.ImportFrom):
        for alias in node.names:
            yield (node.level, node.module or "", alias.name)


def _texts(node: ast.AST) -> Iterator[str]:
    text = node.value if isinstance(node, ast.Constant) else None
    if isinstance(text, str) and (_DOTTED.fullmatch(text) or _SCRIPT.fullmatch(text)):
        yield text
