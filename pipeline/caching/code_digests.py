"""Digests of the code that a node runs: its modules and, transitively, every local module that they load.

Local is what lies in the packages of this project, or beside a module of the user's; what is installed is stood for
by the lock. Modules are found on the disk without importing them. What code loads under a name that it computes
is not found; a name that stands in the code as a text is.
"""

import dataclasses
import importlib.util
import os
import sys
import sysconfig
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pipeline.caching.file_index import FileIndex
from pipeline.caching.module_source import KIND, ModuleSource, read_source
from pipeline.provenance import PROJECT_ROOT

PACKAGES = ("pipeline", "components", "models", "schemas")


@dataclasses.dataclass(frozen=True)
class Module:
    """A module and the file that holds it, seen from the folder that its name starts in."""

    name: str
    path: Path
    root: Path

    @property
    def label(self) -> str:
        """Its path below the root, such as `models/tabular_text/train.py`."""
        return self.path.relative_to(self.root).as_posix()

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]


class CodeFinder:
    """Finds local modules and what they load, as the disk is when each is first asked for."""

    def __init__(self, index: FileIndex, project_root: Path = PROJECT_ROOT) -> None:
        """A finder for the project in this folder."""
        self._index = index
        self._project_root = project_root
        self._user_roots: list[Path] = []
        self._elsewhere: set[str] = set()
        self._found: dict[tuple[Path, str], tuple[Module, ...]] = {}

    def closure(self, names: Iterable[str] = (), files: Iterable[Path] = ()) -> dict[Path, Module]:
        """Every local module behind these names (a module, or something in one) and files, by path."""
        found: dict[Path, Module] = {}
        pending = [module for name in names for module in self._named(name)]
        for file in files:
            self._add_user_root(file.resolve().parent)
            pending.append(Module(file.stem, file.resolve(), file.resolve().parent))
        while pending:
            module = pending.pop()
            if module.path not in found:
                found[module.path] = module
                pending += self._loaded_by(module)
        return found

    def digests(self, modules: Iterable[Module]) -> dict[str, str]:
        """The digest of each, by label; by whole path where two have the same label."""
        digests: dict[str, str] = {}
        for module in sorted(modules, key=lambda module: module.path):
            label = module.label if module.label not in digests else str(module.path)
            digests[label] = self._source(module.path).digest
        return dict(sorted(digests.items()))

    def loaded_by_source(self, source: ModuleSource) -> Iterator[Module]:
        """The project's modules that a file loads which itself lies nowhere, such as one inside a wheel."""
        for level, name, imported in source.imports:
            if level == 0:
                yield from self._named(f"{name}.{imported}" if imported else name)
        for text in source.texts:
            yield from self._named_in_text(text)

    def _loaded_by(self, module: Module) -> Iterator[Module]:
        source = self._source(module.path)
        for level, name, imported in source.imports:
            base = _absolute_name(module, level, name)
            yield from self._named(f"{base}.{imported}" if imported else base)
        for text in source.texts:
            script = module.path.with_name(text)
            if text.endswith(".py") and script.is_file():
                yield Module(f"{module.package}.{script.stem}".strip("."), script, module.root)
            else:
                yield from self._named_in_text(text)

    def _source(self, path: Path) -> ModuleSource:
        data: dict[str, Any] = self._index.value(path, KIND, lambda file: dataclasses.asdict(read_source(file.read())))
        imports = tuple((int(level), str(name), str(imported)) for level, name, imported in data["imports"])
        return ModuleSource(data["digest"], imports, tuple(data["texts"]))

    def _named(self, name: str) -> Iterator[Module]:
        """The module of that name and the packages around it, as far as they are local files."""
        root = self._root_of(name.partition(".")[0])
        if root is None:
            return
        if (root, name) not in self._found:  # most names stand in many modules
            self._found[root, name] = tuple(_modules_on_the_way(root, name.split(".")))
        yield from self._found[root, name]

    def _named_in_text(self, text: str) -> Iterator[Module]:
        """As `_named`, for a text that may mean something else: only where a local package is called so."""
        top = text.partition(".")[0]
        if top in PACKAGES or any(_is_module(root, top) for root in self._user_roots):
            yield from self._named(text)

    def _root_of(self, top: str) -> Path | None:
        """The folder that a local top-level name lies in, None if it is installed or nowhere."""
        if top in PACKAGES:
            return self._project_root
        known = next((root for root in self._user_roots if _is_module(root, top)), None)
        if known is None and top not in self._elsewhere:
            known = self._user_root_of(top)
            self._elsewhere |= {top} if known is None else set()
        return known

    def _user_root_of(self, top: str) -> Path | None:
        if not top.isidentifier() or top in sys.stdlib_module_names or top in sys.builtin_module_names:
            return None
        try:
            spec = importlib.util.find_spec(top)
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or ([spec.origin] if spec.has_location and spec.origin else []))
        root = Path(places[0]).resolve().parent if places else None
        if root is None or is_installed(root):
            return None
        self._add_user_root(root)
        return root

    def _add_user_root(self, root: Path) -> None:
        if root not in self._user_roots:
            self._user_roots.append(root)


def is_installed(folder: Path) -> bool:
    """True if the folder belongs to the environment: what is there changes with the lock only."""
    standard = [Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib")]
    return bool({"site-packages", "dist-packages"} & set(folder.parts)) or any(
        folder.is_relative_to(place) for place in standard
    )


def wheel_sources(path: Path) -> dict[str, ModuleSource]:
    """The Python files in a wheel, as TFX packs a user's module into one."""
    with zipfile.ZipFile(path) as wheel:
        names = sorted(name for name in wheel.namelist() if name.endswith(".py"))
        return {name: read_source(wheel.read(name)) for name in names}


def _absolute_name(module: Module, level: int, name: str) -> str:
    if level == 0:
        return name
    base = module.package.split(".")
    base = base[: len(base) - level + 1]
    return ".".join([*base, name] if name else base)


def _modules_on_the_way(root: Path, parts: list[str]) -> Iterator[Module]:
    for length in range(1, len(parts) + 1):
        module = _module_at(root, parts[:length])
        if module is not None:
            yield module
        elif not root.joinpath(*parts[:length]).is_dir():
            return


def _module_at(root: Path, parts: list[str]) -> Module | None:
    stem = os.path.join(root, *parts)  # by thousands a run, so without a Path for each
    for path in (f"{stem}/__init__.py", f"{stem}.py"):
        if os.path.isfile(path):
            return Module(".".join(parts), Path(path), root)
    return None


def _is_module(root: Path, top: str) -> bool:
    return (root / top).is_dir() or (root / f"{top}.py").is_file()
