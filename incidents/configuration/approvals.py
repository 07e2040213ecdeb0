"""Reads approvals.yml: for each kind of approval how long it is good for, and who hears when nobody decides."""

from datetime import timedelta
from typing import Any

from incidents.configuration import words
from incidents.configuration.documents import Entry
from incidents.configuration.reader import Reader
from incidents.definitions import ESCALATION_WORDS, ApprovalKind, ApprovalPolicy, Severity

_UNREAD = timedelta(0)
_KEYS = ("valid", "remind_after", "remind_before")


def read(reader: Reader, entry: Entry) -> dict[str, Any]:
    """Return the policy of every kind that stands in `entry`."""
    kinds = reader.fields(entry, required=list(ApprovalKind))
    return {"approvals": {ApprovalKind(name): _kind(reader, said) for name, said in kinds.items()}}


def _kind(reader: Reader, entry: Entry) -> ApprovalPolicy:
    keys = reader.fields(entry, required=_KEYS, optional=("escalate_after", "escalate_to"))
    policy = ApprovalPolicy(
        valid=reader.said(keys.get("valid"), words.positive, _UNREAD),
        remind_after=reader.said(keys.get("remind_after"), words.positive, _UNREAD),
        remind_before=reader.said(keys.get("remind_before"), words.positive, _UNREAD),
        escalate_after={
            Severity(name): reader.said(after, words.positive, _UNREAD)
            for name, after in reader.fields(keys.get("escalate_after"), optional=list(Severity)).items()
        },
        escalate_to=_to(reader, keys.get("escalate_to")),
    )
    _check(reader, entry, keys, policy)
    return policy


def _to(reader: Reader, entry: Entry | None) -> tuple[str, ...]:
    return tuple(
        word if word in ESCALATION_WORDS else reader.refer("audience", word, item) for word, item in reader.words(entry)
    )


def _check(reader: Reader, entry: Entry, keys: dict[str, Entry], policy: ApprovalPolicy) -> None:
    """Note times after which it has expired already, and an escalation to nobody."""
    if not policy.valid:
        return  # what is wrong with it is said already
    if policy.valid < policy.remind_before:
        what = "is longer than it is valid"
        reader.mistake(keys["remind_before"], what, "Make remind_before shorter than valid")
    if policy.valid <= policy.remind_after:
        reader.mistake(keys["remind_after"], "comes after it has expired", "Make remind_after shorter than valid")
    for severity, after in reader.mapping(keys.get("escalate_after")).items():
        if severity in policy.escalate_after and policy.escalate_after[Severity(severity)] >= policy.valid:
            reader.mistake(after, "comes after it has expired", "Make it shorter than valid")
    if policy.escalate_after and not policy.escalate_to:
        reader.mistake(entry, "escalates to nobody", "Add escalate_to: [deputy, paging]")
