"""What people do outside any one page of the admin: log in, keep their account, change the tenant, fetch a file."""

from tenants.views.account import account, end_sessions, leave_tenant, password, second_factor
from tenants.views.login import ask_for_link, log_in, prove, use_link
from tenants.views.schema import SchemaView
from tenants.views.switching import choose_language, download_file, open_in_tenant, switch_tenant

__all__ = [
    "SchemaView",
    "account",
    "ask_for_link",
    "choose_language",
    "download_file",
    "end_sessions",
    "leave_tenant",
    "log_in",
    "open_in_tenant",
    "password",
    "prove",
    "second_factor",
    "switch_tenant",
    "use_link",
]
