"""The rooms of the package: who may import whom. Imports inside functions and for type checking count too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tribolake.products import PRODUCTS
from tribolake.settings import PROJECT_DIR

PACKAGE = PROJECT_DIR / "python" / "tribolake"
PRODUCT_ROOMS = frozenset(product.name for product in PRODUCTS)
# They put products and the platform together; nothing imports them.
COMPOSITION_ROOTS = frozenset({"__main__", "cli", "products", "web"})
Edges = frozenset[tuple[str, str]]


def imports_in(source: str, package: str) -> Iterable[str]:
    """Full names of the modules that a source imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: None if node.level < 2 else 1 - node.level] if node.level else []
            module = ".".join([*above, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def edges_of(package: Path) -> Edges:
    """Pairs of rooms of which the first imports the second."""
    edges = set()
    for path in package.rglob("*.py"):
        place = path.relative_to(package.parent).with_suffix("").parts
        room = place[1] if place[1] != "__init__" else ""
        for name in imports_in(path.read_text(encoding="utf-8"), ".".join(place[:-1])):
            root, *below = name.split(".")
            if root == package.name and below and below[0] != room:
                edges.add((room, below[0]))
    return frozenset(edges)


def reached_from(files: Iterable[Path]) -> set[Path]:
    """Modules of the package that files import, and what these import."""
    reached: set[Path] = set()
    queue = list(files)
    while queue:
        for name in imports_in(queue.pop().read_text(encoding="utf-8"), ""):
            for module in (name, name.rpartition(".")[0]):
                path = (PACKAGE.parent / module.replace(".", "/")).with_suffix(".py")
                if path.is_file() and path not in reached:
                    reached.add(path)
                    queue.append(path)
    return reached


def module_edges(package: Path) -> Edges:
    """Pairs of modules of which the first imports the second."""
    edges = set()
    for path in package.rglob("*.py"):
        module = ".".join(path.relative_to(package.parent).with_suffix("").parts)
        for name in imports_in(path.read_text(encoding="utf-8"), module.rpartition(".")[0]):
            # A name is a module, or stands in one: the longest that is a file.
            for known in (name, name.rpartition(".")[0]):
                place = package.parent / known.replace(".", "/")
                imported = known if place.with_suffix(".py").is_file() else f"{known}.__init__"
                if (package.parent / imported.replace(".", "/")).with_suffix(".py").is_file():
                    edges.add((module, imported))
                    break
    return frozenset(edge for edge in edges if edge[0] != edge[1])


def cycle_in(edges: Edges) -> list[str]:
    """The first cycle, if there is one."""
    graph: dict[str, set[str]] = {}
    for importing, imported in edges:
        graph.setdefault(importing, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return [f"cycle: {' -> '.join(error.args[1])}"]
    return []


def forbidden(edges: Edges) -> list[str]:
    """Imports that the rooms forbid, and the first cycle if there is one."""
    found = [
        f"{room} imports {other}"
        for room, other in sorted(edges)
        if room not in COMPOSITION_ROOTS and other in PRODUCT_ROOMS | COMPOSITION_ROOTS
    ]
    return found + cycle_in(edges)


def test_rooms_import_only_what_is_below_them():
    assert forbidden(edges_of(PACKAGE)) == []


def test_modules_import_each_other_in_no_cycle():
    edges = module_edges(PACKAGE)
    assert cycle_in(edges) == []
    back = ("tribolake.watch.event_source", "tribolake.watch.sources")
    assert cycle_in(edges | {back})


def test_only_its_command_imports_the_pages():
    """A run, and every other command, works without the packages of the pages."""
    importing = {module for module, imported in module_edges(PACKAGE) if ".web." in imported and ".web." not in module}
    assert importing == {"tribolake.cli.serve"}


@pytest.mark.parametrize(
    ("place", "line"),
    [
        ("oil/status.py", "from tribolake.web.words import words_in"),
        ("run/plan.py", "from tribolake.oil.product import OIL"),
        ("trace/find.py", "def f():\n    from tribolake import oil"),
        ("lake/store.py", "if TYPE_CHECKING:\n    import tribolake.oil.product"),
        ("oil/status.py", "from tribolake.cli.options import Exit"),
        ("watch/daemon.py", "from ..products import PRODUCTS"),
        ("lake/folder.py", "from ..run import plan"),
    ],
)
def test_forbidden_import_is_found(tmp_path: Path, place: str, line: str):
    planted = tmp_path / "tribolake" / place
    planted.parent.mkdir(parents=True)
    planted.write_text(f"{line}\n", encoding="utf-8")
    assert forbidden(edges_of(tmp_path / "tribolake") | edges_of(PACKAGE))


def test_imports_inside_functions_are_few():
    """A library that takes long is a `library` at the top. A module of ours is imported there too, or has a reason."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py")]
    functions = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    assert sum(any(isinstance(one, ast.Import | ast.ImportFrom) for one in ast.walk(node)) for node in functions) <= 15
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    named = [ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "library"]
    assert len(named) > 5 and not any("tribolake" in name for name in named), "the order of rooms does not see it"


def test_sources_of_a_product_cover_the_python_of_its_models():
    """Other rooms find files and settings; what is in the tables comes from `readers` and the product's own room."""
    for product in PRODUCTS:
        reached = reached_from((PROJECT_DIR / "models" / product.name).rglob("*.py"))
        named = {path for pattern in product.sources.python for path in PROJECT_DIR.glob(pattern)}
        rooms = [PACKAGE / room for room in (product.name, "readers")]
        assert {path for path in reached - named if any(path.is_relative_to(room) for room in rooms)} == set()


def test_macros_belong_to_a_product_or_to_all():
    """A macro in another folder would change the tables of a product without a rebuild."""
    folders = {path.parent.relative_to(PROJECT_DIR / "macros") for path in (PROJECT_DIR / "macros").rglob("*.sql")}
    assert {folder.parts[0] for folder in folders if folder.parts} <= PRODUCT_ROOMS | {"materializations", "tests"}


def test_macros_that_only_one_product_uses_are_its_own():
    """A shared macro is part of every product's fingerprint: its change rebuilds all of them."""
    project = (PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8")
    texts = {
        product: "".join(
            path.read_text(encoding="utf-8")
            for room in ("macros", "models", "snapshots", "tests/data")
            for path in (PROJECT_DIR / room / product).rglob("*.sql")
        )
        for product in PRODUCT_ROOMS
    }
    for path in (PROJECT_DIR / "macros").glob("*.sql"):
        names = re.findall(r"\{%-? macro (\w+)", path.read_text(encoding="utf-8"))
        calls = re.compile(rf"\b({'|'.join(names)})\(")
        users = [product for product, text in texts.items() if calls.search(text)]
        assert len(users) != 1 or calls.search(project), f"{path.name} is of {users[0]} alone"


def test_products_share_no_name_and_no_place():
    for named in ("name", "address", "prefix"):
        assert len({getattr(product, named) for product in PRODUCTS}) == len(PRODUCTS), named
    assert len({product.contract.change_log for product in PRODUCTS}) == len(PRODUCTS)
