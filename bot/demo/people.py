"""Who works at the demo's company, and the configuration folder that says so."""

import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from bot.workspace.config import PersonConfig

#: Handle, name, title, Slack id.
_PEOPLE = (
    ("ana", "Ana Silva", "On-call engineer", "U01ANA"),
    ("bo", "Bo Lindqvist", "Team lead, Checkout", "U02BO"),
    ("cy", "Cy Okafor", "Product manager", "U03CY"),
    ("ren", "Ren Novak", "Support engineer", "U05REN"),
    ("eli", "Eli Brandt", "Engineering manager", "U06ELI"),
    ("fay", "Fay Tanaka", "CTO", "U07FAY"),
    ("gil", "Gil Moreau", "CEO", "U08GIL"),
    ("hana", "Hana Weiss", "Customer success", "U09HANA"),
)

_AUDIENCES = {
    "on_call_engineer": ["ana"],
    "assigned_engineer": ["ana"],
    "team_lead": ["bo"],
    "product_manager": ["cy"],
    "engineering_manager": ["eli"],
    "cto": ["fay"],
    "ceo": ["gil"],
    "customer_success": ["hana"],
    "stakeholder_update": ["hana", "cy"],
    "business_stakeholders": ["cy"],
    "security_team": ["bo"],
    "legal_and_compliance": ["eli"],
    "software_architect": ["bo"],
    "system_architects": ["bo", "eli"],
    "vendor_management": ["cy"],
}


def members() -> list[PersonConfig]:
    """Return the company's people, as the workspace seats them."""
    return [
        PersonConfig(id=slack, name=handle, real_name=name, email=f"{handle}@example.com", title=title)
        for handle, name, title, slack in _PEOPLE
    ]


def ids() -> dict[str, str]:
    """Return each person's Slack id by handle."""
    return {handle: slack for handle, _, _, slack in _PEOPLE}


def write_configuration(folder: Path, services: dict[str, Any], *, update_every: str, draft_ahead: str) -> None:
    """Write `sitrep.yml` into `folder`, and the one policy that the demo shortens: how often status is posted."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "workspace_name": "Example Shop",
        "services": services,
        "people": {
            handle: {"name": name, "email": f"{handle}@example.com", "slack": slack}
            for handle, name, _, slack in _PEOPLE
        },
        "audiences": _AUDIENCES,
        "approvers": {"deploy": ["team_lead"], "choose_fix": ["team_lead"]},
        # What runs are the demo's own tests; a machine without bubblewrap must be able to show them too.
        "sandbox": {"mode": "bubblewrap" if shutil.which("bwrap") else "none"},
    }
    yaml = YAML()
    with (folder / "sitrep.yml").open("w", encoding="utf-8") as file:
        yaml.dump(settings, file)
    shipped = Path(__file__).parents[2] / "templates" / "policies" / "communication_matrix.yml"
    policy = yaml.load(shipped.read_text(encoding="utf-8"))
    matrix = policy["communication_matrix"]
    matrix["regular_updates"]["frequency"] = [f"every_{update_every}_critical", "every_10_minutes_high"]
    matrix["regular_updates"]["draft_ahead"] = draft_ahead
    matrix["regular_updates"]["overdue_after"] = "2m"
    with (folder / "communication_matrix.yml").open("w", encoding="utf-8") as file:
        yaml.dump(policy, file)
