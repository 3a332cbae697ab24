"""The rules of the house, read off the source: who may know whom, where scopes are crossed, what has no place here."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps

ROOT = Path(__file__).resolve().parent.parent
LINE = ("tenants", "vault", "catalog", "bots", "runtime", "reports")
"""Imports go to the left only; config may import all, nobody imports config."""

INTERFACES = ("api", "admin", "tasks")
"""The three ways in, which do not know each other."""

ALSO_INTERFACES = ("apps", "management", "site")
"""Files that wire an app up, or are a way in of their own."""

TENANT_SCOPES = {
    "catalog/imports/jobs.py": "the heartbeat's own thread",
    "catalog/search/embedding.py": "queues tenant by tenant",
    "bots/calibration.py": "notices changed texts tenant by tenant",
    "catalog/expiry.py": "ends what was held too long tenant by tenant",
    "reports/rephrasing.py": "asks the model tenant by tenant",
    "reports/distribution.py": "sees who is told tenant by tenant",
    "reports/unsubscribing.py": "a door: a signed link of a mail",
    "reports/metric_insights.py": "looks for insights tenant by tenant",
    "reports/rollups.py": "counts tenant by tenant",
    "runtime/demo/loading.py": "the demo's two tenants",
    "runtime/cache.py": "counts and forgets cached answers tenant by tenant",
    "runtime/schedules.py": "writes due occurrences tenant by tenant",
    "runtime/expiry.py": "ends what nobody goes on with tenant by tenant",
    "reports/export_mails.py": "exports of tenants are rows of the platform, and so are the mails about them",
    "reports/health.py": "the platform is told of its own health",
    "reports/silence.py": "the platform is told that nobody looks",
    "reports/health_checks.py": "verifies the audit tenant by tenant",
    "reports/outbox.py": "sends tenant by tenant",
    "reports/mail_sync.py": "reads mail tenant by tenant",
    "tenants/audit.py": "seals tenant by tenant",
    "tenants/auth.py": "a door: the API",
    "tenants/deleting.py": "a tenant that is being deleted",
    "tenants/export_orders.py": "a tenant that is being exported",
    "tenants/management/commands/delete_tenant.py": "the platform's own row tells of it",
    "tenants/login_links.py": "a door: an accepted invitation",
    "tenants/management/base.py": "a door: commands",
    "tenants/management/commands/verify_audit.py": "verifies tenant by tenant",
    "tenants/members.py": "a person leaves an own tenant",
    "tenants/middleware.py": "a door: the admin",
    "tenants/queue.py": "claims tenant by tenant",
    "vault/oauth.py": "the platform's own credentials",
    "tenants/services.py": "a tenant that is being made",
    "tenants/tasks.py": "a door: background tasks",
    "vault/backup.py": "tenant by tenant",
    "vault/expiry.py": "tells of ends tenant by tenant",
    "vault/rotation.py": "encrypts anew tenant by tenant",
    "vault/budgets.py": "ends lost calls tenant by tenant",
    "vault/deliveries.py": "sends tenant by tenant",
    "vault/events_out.py": "events tenant by tenant",
}
"""Every file that enters a tenant, and why."""

ANY_SCOPES = {
    "tenants/models/people.py": "people are saved from anywhere, by Django itself too",
    "tenants/second_factor.py": "a person's own, whether or not a tenant is entered",
}
"""Every file that opens the platform where no scope is open, and why."""

PLATFORM_SCOPES = {
    "bots/calibration.py": "name the tenants that have bots",
    "bots/memories.py": "what bots remember has expired",
    "reports/rephrasing.py": "name the tenants that want insights in other words",
    "reports/distribution.py": "name the tenants with new insights",
    "reports/metric_insights.py": "name the tenants whose day is over",
    "reports/rollups.py": "name the tenants whose daily figures are due",
    "tenants/audit.py": "name the tenants with entries to seal",
    "tenants/management/commands/verify_audit.py": "a command names its tenants",
    "tenants/retention.py": "every tenant's night is swept",
    "tenants/models/settings.py": "the platform's settings hold where a tenant has none",
    "tenants/scope.py": "any_scope",
    "catalog/expiry.py": "whose reservations and orders have expired",
    "catalog/search/embedding.py": "the embedding model is the whole installation's",
    "runtime/auth.py": "a conversation's token names its tenant",
    "reports/health.py": "health checks are the whole installation's",
    "reports/health_checks.py": "the oldest row of every queue, and every tenant's audit",
    "tenants/admin/base.py": "platform staff on a platform page",
    "tenants/api/ways_in.py": "a person's own tenants",
    "tenants/auth.py": "a token names its tenant",
    "tenants/deleting.py": "a tenant that is being deleted",
    "tenants/management/commands/delete_tenant.py": "a command names its tenant",
    "tenants/login_links.py": "a link names its person and tenant",
    "tenants/members.py": "a person's own tenants",
    "tenants/mail.py": "login links belong to nobody yet",
    "tenants/management/base.py": "a command names its tenant",
    "tenants/middleware.py": "a person's own tenants",
    "runtime/demo/loading.py": "is the demo there",
    "runtime/cache.py": "who has cached answers",
    "runtime/schedules.py": "name the tenants with due schedules",
    "runtime/expiry.py": "whose claims and conversations nobody goes on with",
    "reports/outbox.py": "is another worker at it",
    "reports/mail_sync.py": "is another worker at it",
    "tenants/queue.py": "name the tenants with due work",
    "tenants/services.py": "is the slug free",
    "vault/budgets.py": "whose calls of models never ended",
    "vault/backup.py": "every tenant's secrets are backed up",
    "vault/expiry.py": "whose credentials end soon",
    "vault/rotation.py": "whose secrets are under an old key",
    "vault/startup.py": "which master keys are in use",
    "vault/deliveries.py": "is another worker at it",
    "vault/events_out.py": "name the tenants with new events",
    "vault/services.py": "credentials of the platform serve every tenant",
    "vault/providers/endpoints.py": "credentials of the platform serve every tenant",
}
"""Every file that crosses tenants, and why. An entry nobody needs any more fails as well."""

FORBIDDEN_NAMES = {"common", "core", "utils", "helpers", "selectors", "signals"}


@cache
def sources() -> tuple[Path, ...]:
    return tuple(path for app in (*LINE, "config") for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts)


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a source, parsed once a run."""
    return ast.parse(path.read_text(encoding="utf-8"))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    """Return all there is in a source, walked once a run."""
    return tuple(ast.walk(parsed(path)))


@cache
def imports_of(path: Path) -> tuple[str, ...]:
    """Return the modules a source imports, and what it takes from them."""
    found = []
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


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


def callers_of(name: str) -> set[str]:
    return {
        short(path)
        for path in sources()
        for node in nodes(path)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name
    }


def test_tenants_are_crossed_and_entered_only_where_it_is_listed() -> None:
    assert callers_of("platform_scope") == set(PLATFORM_SCOPES)
    assert callers_of("tenant_scope") == set(TENANT_SCOPES)
    assert callers_of("any_scope") == set(ANY_SCOPES)


NETWORK = {
    *(
        "socket",
        "ssl",
        "http.client",
        "urllib.request",
        "urllib3",
        "requests",
        "aiohttp",
        "httpx",
        "httpcore",
        "httpx2",
        "httpcore2",
        "openai",
    ),
    *("smtplib", "imaplib", "poplib", "ftplib", "telnetlib", "xmlrpc.client", "asyncio", "websockets"),
}
"""Modules that open connections."""

NETWORK_USERS = {
    "reports/imap.py": "speaks over a connection that was checked",
    "config/embedded/valkey.py": "waits for the server it starts",
    "config/supervisor.py": "asks its own web server whether it lives",
    "reports/silence.py": "names the errors of the mail server that the environment gives",
    "reports/transport.py": "speaks SMTP over the connections of the vault, or of the environment's mail server",
    "tenants/mail.py": "names the errors of the mail server that the environment gives",
    "vault/providers/openai_compatible.py": "gives the SDK the one client's transport",
    "vault/mail_servers.py": "speaks mail's protocols over the one client's connections",
    "vault/outbound.py": "the one client for everything outside",
}
"""Every file that may open a connection by itself, and why; all others call ``vault.outbound``."""


def test_one_client_alone_speaks_to_the_outside() -> None:
    found = {short(path) for path in sources() if NETWORK & set(imports_of(path))}
    assert found == set(NETWORK_USERS)


def test_no_file_has_a_name_that_says_nothing() -> None:
    assert [short(path) for path in sources() if path.stem in FORBIDDEN_NAMES or path.parent.name in FORBIDDEN_NAMES] == []


def test_no_signals_and_no_text_is_run_as_code() -> None:
    forbidden = {"eval", "exec", "compile", "receiver"}
    wrong = [
        f"{short(path)}:{node.lineno} {node.func.id}"
        for path in sources()
        for node in nodes(path)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in forbidden
    ]
    assert wrong == []


def test_the_tenant_is_only_ever_set_by_set_local() -> None:
    wrong = [
        f"{short(path)}: {node.value[:60]}"
        for path in sources()
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
        if "set_config(" in node.value or "SET backroom" in node.value or "SET ROLE" in node.value
    ]
    assert wrong == []


def test_files_stay_short() -> None:
    assert [short(path) for path in sources() if len(path.read_text().splitlines()) > 400] == []


LONGEST_FUNCTION = 36
"""Lines; 30 is long already, and a signature of many lines or a table is not the body's fault."""


def test_functions_stay_short() -> None:
    long = []
    for path in sources():
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno + 1 > LONGEST_FUNCTION:
                long.append(f"{short(path)}:{node.lineno} {node.name}")
    assert long == []


def public_definitions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Yield the public functions and classes of a module, and the public methods of its public classes."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public_definitions(node)


def test_every_public_function_class_and_module_says_what_it_is_for() -> None:
    silent = []
    for path in sources():
        tree = parsed(path)
        if tree.body and path.name != "__init__.py" and not ast.get_docstring(tree):
            silent.append(short(path))
        silent += [f"{short(path)}:{node.lineno} {node.name}" for node in public_definitions(tree) if not documented(node)]
    assert silent == []


def documented(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> bool:
    """Whether it has a docstring; Meta is known to everybody, and the lines of a protocol speak through its own."""
    is_declaration = isinstance(node.body[-1], ast.Expr) and getattr(node.body[-1].value, "value", None) is ...
    return node.name == "Meta" or is_declaration or ast.get_docstring(node) is not None


POINTING_RIGHT = {
    "tenants.ApiKey.bot",
    "vault.Budget.bot",
    "vault.CredentialGrant.bot",
    "catalog.Offering.bot",
    "catalog.Order.session",
}
"""Foreign keys to an app on the right: by string, and only these."""


def test_only_the_listed_keys_point_to_the_right() -> None:
    found = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in LINE
        for field in model._meta.concrete_fields
        if field.is_relation
        and field.related_model._meta.app_label in LINE
        and LINE.index(field.related_model._meta.app_label) > LINE.index(model._meta.app_label)
    }
    assert found == POINTING_RIGHT
