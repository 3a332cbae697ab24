"""The rules of the house, read off the source: who may know whom, where scopes are crossed, what has no place here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LINE = ("tenants", "vault", "catalog", "bots", "runtime", "reports")
"""Imports go to the left only; config may import all, nobody imports config."""

INTERFACES = ("api", "admin", "tasks")
"""The three ways in, which do not know each other."""

ALSO_INTERFACES = ("apps", "management", "site")
"""Files that wire an app up, or are a way in of their own."""

PLATFORM_SCOPES = {
    "runtime/auth.py": "a conversation's token names its tenant",
    "tenants/admin/base.py": "platform staff on a platform page",
    "tenants/api/accounts.py": "a person's own tenants",
    "tenants/auth.py": "a token names its tenant",
    "tenants/idempotency.py": "answers are kept for a day",
    "tenants/management/base.py": "a command names its tenant",
    "tenants/middleware.py": "a person's own tenants",
    "runtime/demo/loading.py": "is the demo there",
    "tenants/queue.py": "name the tenants with due work",
    "tenants/services.py": "is the slug free",
}
"""Every file that crosses tenants, and why. An entry nobody needs any more fails as well."""

FORBIDDEN_NAMES = {"common", "core", "utils", "helpers", "selectors", "signals"}
MODEL_APPS = {"ApiKey.bot": "bots", "Offering.bot": "bots"}


def sources() -> Iterator[Path]:
    for app in (*LINE, "config"):
        yield from (path for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def allowed(importer: str, imported: str) -> bool:
    if imported == "config":
        return importer == "config"
    return importer == "config" or LINE.index(imported) <= LINE.index(importer)


def test_imports_go_one_way() -> None:
    wrong = [
        f"{short(path)} imports {name}"
        for path in sources()
        for name in imports_of(path)
        if name.split(".")[0] in (*LINE, "config") and not allowed(path.relative_to(ROOT).parts[0], name.split(".")[0])
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("importer", "imported", "verdict"),
    [("bots", "catalog", True), ("catalog", "bots", False), ("catalog", "config", False), ("config", "runtime", True)],
)
def test_the_rule_of_one_way_tells_right_from_wrong(importer: str, imported: str, verdict: bool) -> None:
    assert allowed(importer, imported) is verdict


def test_the_ways_in_do_not_import_each_other_and_services_import_none_of_them() -> None:
    wrong = []
    for path in sources():
        app, kind = path.relative_to(ROOT).with_suffix("").parts[:2]
        for imported in imports_of(path):
            parts = imported.split(".")
            inside = parts[0] == app and len(parts) > 1 and parts[1] in INTERFACES
            if inside and kind != parts[1] and kind not in ALSO_INTERFACES:
                wrong.append(f"{short(path)} imports {imported}")
    assert wrong == []


def test_tenants_are_crossed_only_where_it_is_listed() -> None:
    users = {
        short(path)
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "platform_scope"
    }
    assert users == set(PLATFORM_SCOPES)


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [short(path) for path in sources() if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES] == []


def test_no_signals_and_no_text_is_run_as_code() -> None:
    forbidden = {"eval", "exec", "compile", "receiver"}
    wrong = [
        f"{short(path)}:{node.lineno} {node.func.id}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in forbidden
    ]
    assert wrong == []


def test_the_tenant_is_only_ever_set_by_set_local() -> None:
    wrong = [
        f"{short(path)}: {node.value[:60]}"
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if "set_config(" in node.value or "SET backroom" in node.value or "SET ROLE" in node.value
    ]
    assert wrong == []


def test_files_stay_short() -> None:
    assert [short(path) for path in sources() if len(path.read_text().splitlines()) > 400] == []


def test_functions_stay_short() -> None:
    long = []
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > 45:
                long.append(f"{short(path)}:{node.lineno} {node.name}")
    assert long == []


def test_every_public_function_class_and_module_says_what_it_is_for() -> None:
    silent = []
    for path in sources():
        tree = ast.parse(path.read_text())
        if path.name != "__init__.py" and tree.body and not ast.get_docstring(tree):
            silent.append(short(path))
        for node in tree.body:
            public = isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
            if public and not ast.get_docstring(node):
                silent.append(f"{short(path)}:{node.lineno} {node.name}")
    assert silent == []
