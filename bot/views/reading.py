"""Modals to read: evidence, a diff, anything made of blocks."""

from collections.abc import Iterable, Sequence
from typing import Any

from slack_sdk.models.blocks import Block

from bot.ids import Act, Form
from bot.values import OfApproval, OfEvidence, Value
from bot.views import mrkdwn, parts
from bot.views.message import Json
from incidents import records

_LISTED = 40  # pieces of evidence in one modal of at most 100 blocks


def shown(title: str, blocks: Iterable[Block | None]) -> Json:
    """Return a modal with nothing to fill in."""
    return parts.modal(Form.SHOWN, title, blocks)


def shown_blocks(title: str, blocks: Sequence[Json], meta: Value | None = None) -> Json:
    """Return a message's blocks as a modal; `meta` says what it shows, so that it can be drawn again."""
    frame = parts.modal(Form.SHOWN, title, [parts.context("Nothing to show")], meta=meta)
    return {**frame, "blocks": list(blocks)[: parts.MAX_VIEW_BLOCKS]} if blocks else frame


def evidence(row: records.EvidenceRow) -> Json:
    """Return one piece of evidence: what was seen, where, by which command, and the digest to check it by."""
    exit_code = f", exit {row.exit_code}" if row.exit_code is not None else ""
    command = f"*Command*  {mrkdwn.code(' '.join(row.command), 600)}{exit_code}" if row.command else ""
    return shown(
        f"Evidence {row.ref}",
        [
            parts.section(f"*[{mrkdwn.said(row.ref, 12)}]  {mrkdwn.prose(row.summary)}*"),
            parts.section(f"*Seen in*  {mrkdwn.code(row.source, 300) or '–'}\n{command}".rstrip()),
            parts.section(mrkdwn.pre(row.excerpt)) if row.excerpt.strip() else parts.section("_Nothing was printed._"),
            parts.context(
                f"{mrkdwn.said(row.kind, 20)}, seen {mrkdwn.day_and_time(row.captured_at)}",
                f"sha256 {mrkdwn.code(row.digest[:16])}",
            ),
        ],
    )


def evidence_list(title: str, rows: Sequence[records.EvidenceRow]) -> Json:
    """Return all evidence of a step, each piece behind a button."""
    more = len(rows) - _LISTED
    return shown(
        title,
        [
            *[
                parts.section(
                    f"*[{mrkdwn.said(row.ref, 12)}]*  {mrkdwn.prose(row.summary, 300)}",
                    parts.button("Show", Act.EVIDENCE, OfEvidence(incident=row.incident_id, ref=row.ref)),
                )
                for row in rows[:_LISTED]
            ],
            parts.context(f"{more} more: `sitrep export`") if more > 0 else None,
            parts.section("No evidence is stored.") if not rows else None,
        ],
    )


def diff(approval: records.Approval, code: dict[str, Any]) -> Json:
    """Return the change that a deploy would bring, file by file."""
    files = [str(name) for name in code.get("files", ())]
    commit = str(code.get("commit", ""))
    return shown(
        f"Diff {commit[:7]}",
        [
            parts.section(
                f"*{mrkdwn.code(commit[:12])}* on {mrkdwn.code(str(code.get('branch', '')), 60)}, "
                f"{mrkdwn.plural(len(files), 'file')}, +{code.get('additions', 0)} −{code.get('deletions', 0)}"
            ),
            parts.section(parts.fitting(f"• {mrkdwn.code(name, 200)}" for name in files)) if files else None,
            *[parts.section(mrkdwn.pre(chunk)) for chunk in _chunks(str(code.get("diff", "")))],
            parts.context(
                f"base {mrkdwn.code(str(code.get('base', ''))[:12])}",
                f"approval {approval.number} is bound to exactly this commit",
            ),
            _decide(approval),
        ],
    )


def _decide(approval: records.Approval) -> Block | None:
    if approval.state != "pending":
        return None
    return parts.actions(parts.button("Send back", Act.REJECT, OfApproval(approval=approval.number)))


def _chunks(text: str, limit: int = 2400) -> list[str]:
    chunks: list[str] = []
    for line in text.splitlines():
        short = line[:500]
        if chunks and len(chunks[-1]) + len(short) < limit:
            chunks[-1] += f"\n{short}"
        else:
            chunks.append(short)
    return chunks[:8]
