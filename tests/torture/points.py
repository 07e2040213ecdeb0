"""Where a process is killed, and what must be asked of it so that it gets there."""

import json
import random
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum

WEBHOOK_PATH = "/alerts"  #: where the organisation's own address is, at which people hear while Slack is away


class Point(StrEnum):
    """Named points in the life of a call, a transaction, or a step."""

    RANDOM = "random"  #: from outside, whatever it is doing
    COMMITTING = "committing"  #: everything is written, nothing is committed
    COMMITTED = "committed"  #: committed, and nothing done with it yet
    WRITING = "writing"  #: in the middle of a transaction
    SENT = "sent"  #: the call is on the wire; its effect comes when the caller is dead
    ACCEPTED = "accepted"  #: it took effect, the answer has not been read
    ANSWERED = "answered"  #: the answer was read, nothing is stored
    CARRYING = "carrying"  #: an agent has begun a step
    SPAWNED = "spawned"  #: git, a test run or a deploy is under way


class Stir(StrEnum):
    """What people do so that the point is reached."""

    DECLARE = "declare"
    RESOLVE = "resolve"
    SEVERITY = "severity"
    ACKNOWLEDGE = "acknowledge"
    UPDATE = "update"
    HOME = "home"
    LOOK = "look"  #: ask for something that only one person sees
    JOIN = "join"  #: come into a room
    MARK = "mark"  #: put a message on the timeline
    FOLLOWUP = "followup"  #: file a follow-up, which changes the post-mortem
    PUSH = "push"  #: file one in a form that stands on another
    NOTICE = "notice"  #: put calls on their way that no policy asks for
    AWAY = "away"  #: declare while Slack takes no message
    ARCHIVE = "archive"  #: let an hour pass after the end of an incident
    WAIT = "wait"  #: let the time pass in which timers fall due
    NOTHING = "nothing"


@dataclass(frozen=True)
class Kill:
    """The n-th time that `point` is reached with a text in which `what` (a regular expression) is found."""

    point: Point
    what: str = ""
    nth: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "point", Point(self.point))

    def __str__(self) -> str:
        return f"{self.point} {self.what}".strip()

    def written(self) -> str:
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Blow:
    """One kill of the campaign."""

    kill: Kill
    stir: Stir
    down_seconds: float  #: how long the machine stays down, on the test's clock


#: Every Web API method by which `sitrep serve` changes something, the roads beside Slack, and what makes it be called.
CALLS: dict[str, Stir] = {
    "conversations.create": Stir.DECLARE,
    "conversations.invite": Stir.DECLARE,
    "conversations.setTopic": Stir.DECLARE,
    "conversations.open": Stir.DECLARE,
    "bookmarks.add": Stir.DECLARE,
    "pins.add": Stir.DECLARE,
    "chat.postMessage": Stir.DECLARE,
    "chat.update": Stir.SEVERITY,
    "views.publish": Stir.HOME,
    "conversations.canvases.create": Stir.RESOLVE,
    "files.getUploadURLExternal": Stir.RESOLVE,
    "upload": Stir.RESOLVE,
    "files.completeUploadExternal": Stir.RESOLVE,
    "mail": Stir.DECLARE,
    "pager": Stir.DECLARE,
    "webhook": Stir.AWAY,
    "conversations.archive": Stir.ARCHIVE,
    "conversations.rename": Stir.NOTICE,
    "canvases.edit": Stir.FOLLOWUP,
    "chat.postEphemeral": Stir.JOIN,
    "reactions.add": Stir.MARK,
    "views.open": Stir.DECLARE,
    "views.update": Stir.DECLARE,
    "views.push": Stir.PUSH,
    "hooks": Stir.LOOK,  # a response_url: what is shown to one person alone
}
#: Of a call's life: which statement claims the row, and which stores what came of it.
_CLAIM, _STORE = r"UPDATE outbox(?s:.*)'sending'", r"UPDATE outbox(?s:.*)'done'"

_NO_METHODS = ("upload", "hooks")  # addresses that Slack hands out; whether they answered shows in what is stored
_CALL_POINTS = (Point.SENT, Point.ACCEPTED, Point.ANSWERED)
_DECISIONS: tuple[tuple[str, Stir], ...] = (
    ("INSERT INTO incident", Stir.DECLARE),
    (r"UPDATE incident(?s:.*)acknowledged_at", Stir.ACKNOWLEDGE),
    ("severity_changed", Stir.SEVERITY),
    ("update_sent", Stir.UPDATE),
    ("'resolved'", Stir.RESOLVE),
    ("'note'", Stir.MARK),
    ("followup_added", Stir.FOLLOWUP),
    (r"UPDATE timer(?s:.*)'fired'", Stir.WAIT),
    ("update_missed|update_drafted", Stir.WAIT),
    ("'paged'", Stir.DECLARE),
    ("step_done", Stir.DECLARE),
)
_TRANSACTION_POINTS = (Point.WRITING, Point.COMMITTING, Point.COMMITTED)
_LIFE_POINTS: tuple[tuple[Kill, Stir], ...] = tuple(
    (Kill(point, what), Stir.DECLARE) for what in (_CLAIM, _STORE) for point in _TRANSACTION_POINTS
)


def every_point() -> list[tuple[Kill, Stir]]:
    """Return every named point, with what leads to it."""
    calls = [
        (Kill(point, f"^{method}$".replace(".", r"\.")), stir)
        for method, stir in CALLS.items()
        for point in _CALL_POINTS
        if point is not Point.ANSWERED or method not in _NO_METHODS
    ]
    decisions = [(Kill(point, what), stir) for what, stir in _DECISIONS for point in _TRANSACTION_POINTS]
    steps = [(Kill(Point.CARRYING, ""), Stir.DECLARE)]
    for_one = [(Kill(point, r"^chat\.postEphemeral$"), Stir.NOTICE) for point in _CALL_POINTS]
    return [*calls, *for_one, *_LIFE_POINTS, *decisions, *steps]


#: What one declaration does several times, and soon.
_OFTEN = ("postMessage", r"conversations\.open", "outbox")

#: How long the machine is away: back at once, back while leases hold, after they ran out, after much fell due.
_DOWN_SECONDS = (0.0, 0.0, 12.0, 31.0, 31.0, 31.0, 90.0)
#: With the time that Slack took nothing it stays below two minutes: of what waited longer only the newest is told.
_DOWN_WHILE_AWAY_SECONDS = 31.0


def blows(seed: int, count: int) -> Iterator[Blow]:
    """Yield `count` blows: the named points in an order of the seed's, every fifth at random."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    deck: list[tuple[Kill, Stir]] = []
    for number in range(count):
        if not deck:
            deck = every_point()
            dice.shuffle(deck)
        down = dice.choice(_DOWN_SECONDS)
        if number % 5 == 4:
            stir = dice.choice([Stir.DECLARE, Stir.RESOLVE, Stir.SEVERITY, Stir.UPDATE])
            yield Blow(Kill(Point.RANDOM), stir, down)
        else:
            kill, stir = deck.pop()
            nth = dice.choice((1, 1, 2, 3)) if any(word in kill.what for word in _OFTEN) else 1
            if stir is Stir.AWAY:
                down = min(down, _DOWN_WHILE_AWAY_SECONDS)
            yield Blow(Kill(kill.point, kill.what, nth), stir, down)


def unreached(reached: Collection[tuple[Kill, Stir]]) -> list[tuple[Kill, Stir]]:
    """Return the named points, with what leads to them, that are not among `reached`."""
    return [each for each in every_point() if each not in reached]


def deals_all(dealt: Collection[Blow]) -> bool:
    """Whether every named point is among `dealt`, the n-th time included."""
    return not unreached({(replace(blow.kill, nth=1), blow.stir) for blow in dealt})


def once_more(left: Collection[tuple[Kill, Stir]]) -> Iterator[Blow]:
    """Yield a blow at each point of `left`; between two the machine is away for longer than leases hold."""
    for kill, stir in left:
        yield Blow(kill, stir, _DOWN_WHILE_AWAY_SECONDS)
