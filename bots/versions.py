"""What differs between two versions of a bot. How versions are made and activated stands in ``bots/services.py``."""

import json
from typing import Any

from bots.models import BotVersion
from catalog.versions import FieldChange

FLOW = "flow_config"


def version_diff(version: BotVersion, other: BotVersion) -> list[FieldChange]:
    """Return what changes from ``version`` to ``other``: instructions, capabilities, and the flow leaf by leaf."""
    before, after = _flat(version), _flat(other)
    fields = dict.fromkeys([*before, *after])
    changes = [FieldChange(field, before.get(field), after.get(field)) for field in fields]
    # As JSON, where 1 and true differ.
    return [change for change in changes if json.dumps(change.before) != json.dumps(change.after)]


def _flat(version: BotVersion) -> dict[str, Any]:
    capabilities = sorted(capability.code for capability in version.capabilities)
    return {"system_prompt": version.system_prompt, "capabilities": capabilities, **_leaves(FLOW, version.flow_config)}


def _leaves(path: str, value: Any) -> dict[str, Any]:
    """Return what stands in an object by dotted path; lists and empty objects are leaves."""
    if not isinstance(value, dict) or not value:
        return {} if value == {} and path == FLOW else {path: value}
    return {name: leaf for key in sorted(value) for name, leaf in _leaves(f"{path}.{key}", value[key]).items()}
