"""The company of the crash tests: its people, its policies in seconds, and what is recorded about it."""

from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from bot.workspace.config import ChannelConfig, DeliveryConfig, LimitConfig, PersonConfig, WorkspaceConfig
from incidents.definitions import ApprovalKind
from tests.integration.delivery.conftest import configuration

#: Handle -> Slack id; Gil has none and reads his e-mail.
PEOPLE = {
    "ana": "U01ANA",
    "bo": "U02BO",
    "cy": "U03CY",
    "dee": "U05DEE",
    "eli": "U06ELI",
    "fay": "U07FAY",
    "gil": "",
    "hal": "U08HAL",
}
NO_MAILBOX = {"hal"}  #: where Slack takes nothing they hear by the webhook
AUDIENCES = {
    "on_call_engineer": ["ana"],
    "team_lead": ["bo"],
    "product_manager": ["cy"],
    "engineering_manager": ["eli"],
    "cto": ["fay"],
    "ceo": ["gil"],
    "customer_success": ["cy"],
    "security_team": ["hal"],
}
#: Severity -> label -> audiences; as in the policy file.
MATRIX = {
    "critical": {
        "immediate": ["on_call_engineer", "team_lead", "product_manager", "security_team"],
        "within_15s": ["engineering_manager"],
        "within_40s": ["cto", "ceo"],
    },
    "high": {
        "immediate": ["on_call_engineer", "team_lead", "security_team"],
        "within_20s": ["product_manager"],
        "within_50s": ["ceo"],
    },
}
UPDATES_SECONDS = {"critical": 30, "high": 60}
DRAFT_AHEAD_SECONDS, OVERDUE_SECONDS = 8, 8
PAGING_LEVELS = ["on_call_engineer", "team_lead", "engineering_manager"]
PAGING_SECONDS = {"critical": 12, "high": 25}
#: Trigger -> (severity, milestone, seconds, audience)
ESCALATIONS = {
    "critical_bug_not_resolved_45_seconds": ("critical", "resolved", 45, "cto"),
    "high_bug_not_triaged_35_seconds": ("high", "triaged", 35, "engineering_manager"),
}
AWAY_SECONDS = 3  #: what Slack has not taken by then goes by another road
HELD_UP_SECONDS = {"critical": 25, "high": 40}  #: nobody decides for so long: the next of the levels of paging hears
ARCHIVE_SECONDS = 3600  # after its end a room goes into the archive, when a process starts
FOLLOWUP = "Widen the pool"  #: how every follow-up begins that people file
#: Every step of every run, for `timeline.incidents` and `reckoning.unended`.
STEPS = (
    "SELECT run.incident_id, step.run_id, run.state AS run, step.name, step.state, step.attempt"
    " FROM step JOIN run ON run.id = step.run_id ORDER BY step.id"
)
BOOKMARKS = {"War room": "https://example.com/war", "Runbook": "https://example.com/runbook"}


def slack_config() -> WorkspaceConfig:
    """Return the workspace."""
    people = [
        PersonConfig(id=slack, name=handle, real_name=handle.capitalize(), email=f"{handle}@example.com")
        for handle, slack in PEOPLE.items()
        if slack
    ]
    return configuration(
        people=people,
        channels=[ChannelConfig(name="general")],
        limits=LimitConfig(enabled=False),
        delivery=DeliveryConfig(),  # Slack's own patience: people do again what was lost with a process
    )


def write_configuration(folder: Path, services: dict[str, Any] | None = None) -> None:
    """Write `sitrep.yml` and the policies whose times are shortened."""
    folder.mkdir(parents=True, exist_ok=True)
    links = {"war_room": BOOKMARKS["War room"], "runbook": BOOKMARKS["Runbook"]}
    people = {
        handle: {
            "name": handle.capitalize(),
            **({} if handle in NO_MAILBOX else {"email": f"{handle}@example.com"}),
            **({"slack": slack} if slack else {}),
        }
        for handle, slack in PEOPLE.items()
    }
    files: dict[str, Any] = {
        "sitrep": {
            "services": services or {"checkout": {"title": "Checkout", **links}},
            "people": people,
            "audiences": AUDIENCES,
            "approvers": {"deploy": ["team_lead"], "choose_fix": ["team_lead"]},
            "sandbox": {"mode": "none"},
            "while_slack_is_away": {"page_after": f"{AWAY_SECONDS}s", "notice_after": f"{AWAY_SECONDS}s"},
            "retention": {"archive_channel_after": f"{ARCHIVE_SECONDS}s"},
        },
        "communication_matrix": {
            "communication_matrix": {
                "critical_incident": MATRIX["critical"],
                "high_severity": MATRIX["high"],
                "regular_updates": {
                    "frequency": [f"every_{each}_seconds_{severity}" for severity, each in UPDATES_SECONDS.items()],
                    "channels": ["slack_incident_channel", "email_stakeholders"],
                    "format": "structured_status_update",
                    "draft_ahead": f"{DRAFT_AHEAD_SECONDS}s",
                    "overdue_after": f"{OVERDUE_SECONDS}s",
                },
            }
        },
        "paging": {
            "paging": {
                severity: {"levels": PAGING_LEVELS, "every": f"{seconds}s"}
                for severity, seconds in PAGING_SECONDS.items()
            }
        },
        "approvals": {
            "approvals": {
                kind.value: {
                    "valid": "1d",
                    "remind_after": "1h",
                    "remind_before": "2h",
                    "escalate_after": {severity: f"{seconds}s" for severity, seconds in HELD_UP_SECONDS.items()},
                    "escalate_to": ["paging"],
                }
                for kind in ApprovalKind
            }
        },
        "escalation_triggers": {
            "escalation_triggers": {
                "time_based": [{name: f"escalate_to_{row[3]}"} for name, row in ESCALATIONS.items()],
                "impact_based": [],
                "complexity_based": [],
            }
        },
    }
    yaml = YAML()
    for name, content in files.items():
        with (folder / f"{name}.yml").open("w") as file:
            yaml.dump(content, file)


class Record:
    """What Sitrep has recorded, read from outside: incidents and events; of the outbox only whether it is at rest."""

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(url)

    async def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return rows; none while there is no such table yet."""
        try:
            async with self._engine.connect() as connection:
                return [dict(row) for row in (await connection.execute(text(query), values)).mappings()]
        except DBAPIError:
            return []

    async def steps(self) -> list[dict[str, Any]]:
        """Return every step of every run: incident_id, run_id, run (its state), name, state and attempt."""
        return await self.rows(STEPS)

    async def on_their_way(self) -> list[str]:
        """Return the keys of notices that have not gone out, and the steps at work, of incidents that are over.

        It tells when to go on, not what is owed.
        """
        rows = await self.rows(
            "SELECT outbox.key AS what FROM outbox JOIN incident ON incident.id = outbox.incident_id"
            " WHERE incident.status != 'open' AND outbox.state NOT IN ('done', 'failed', 'superseded', 'dropped')"
            " UNION ALL SELECT 'step ' || step.name FROM step JOIN run ON run.id = step.run_id"
            " JOIN incident ON incident.id = run.incident_id"
            " WHERE incident.status != 'open' AND step.state IN ('ready', 'running')"
        )
        return [str(row["what"]) for row in rows]

    async def has(self, query: str, **values: Any) -> bool:
        return bool(await self.rows(query, **values))

    async def close(self) -> None:
        await self._engine.dispose()
