"""What people type as a title, and the channel names that come of it."""

from datetime import UTC, datetime

import pytest

from incidents import records, room
from incidents.definitions import Severity
from incidents.errors import InvalidInput
from incidents.service import declare


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("🔥🔥", "🔥🔥"),
        ("\U0001fae8", "\U0001fae8"),  # an emoji that is younger than the interpreter's tables
        ("الدفع لا يعمل", "الدفع لا يعمل"),
        ("a\u202eb\x00c", "abc"),
        (" two\n\nlines ", "two lines"),
        ("<!channel> *down*", "<!channel> *down*"),
    ],
)
def test_a_title_stays_as_people_mean_it(raw: str, kept: str) -> None:
    assert declare.clean_title(raw) == kept


@pytest.mark.parametrize("raw", ["", "  \n", "\x00\x07", "\u200b\u200d\u2060", "\ufeff", "\ufdd0\uffff", "x" * 10_000])
def test_a_title_that_says_nothing_or_too_much_is_refused_at_its_field(raw: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        declare.clean_title(raw)
    assert refused.value.field == "title"
    assert refused.value.remedy


@pytest.mark.parametrize(
    ("title", "name"), [("الدفع", "inc-7"), ("🔥", "inc-7"), ("Café down!", "inc-7-cafe-down"), ("--", "inc-7")]
)
def test_any_title_gives_a_channel_name_that_slack_takes(title: str, name: str) -> None:
    incident = records.Incident(
        id=7, title=title, severity=Severity.LOW, reporter="U1", declared_at=datetime(2026, 11, 21, tzinfo=UTC)
    )
    assert room.channel_name(incident) == name
