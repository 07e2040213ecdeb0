"""Open modals: what was pressed in them last, what was sent last, and which drawing of each is the newest."""

from typing import NamedTuple

_MOST = 1_000  # of which something is remembered; that many are open at once in no workspace


class Sending(NamedTuple):
    """One time that a form was sent."""

    view_id: str
    key: str  #: stands for what was typed into it: the same once more has the same
    number: int


class Modals:
    """What this process knows of the modals that are open.

    A modal comes back as Slack showed it: sent right after a press it has not what was pressed, and a drawing that
    Slack took late would stand over what came after it. Where several replicas serve, the press and what follows it may
    come to two of them: the form is then sent as it was shown, and the drawing is held back by Slack's hash alone.
    """

    def __init__(self) -> None:
        self._newest: dict[str, int] = {}
        self._pressed: dict[str, tuple[int, str]] = {}
        self._sent: dict[str, Sending] = {}
        self._stored: dict[str, None] = {}  # keys, the newest last

    def begin(self, view_id: str, shown: int = 0) -> int:
        """Return the number of a new drawing, above that of the one `shown`; those before it are out of date."""
        number = max(self._newest.pop(view_id, 0), shown) + 1
        self._newest[view_id] = number
        if len(self._newest) > _MOST:
            oldest = next(iter(self._newest))
            del self._newest[oldest]
            self._pressed.pop(oldest, None)
        return number

    def is_newest(self, view_id: str, number: int) -> bool:
        """Return whether nothing was drawn, pressed or sent since the drawing `number` began."""
        return self._newest.get(view_id, 0) <= number

    def note(self, view_id: str, number: int, value: str) -> None:
        """Note that `value` was pressed, which the drawing `number` is the first to show."""
        self._pressed[view_id] = number, value

    def send(self, view_id: str, key: str) -> Sending:
        """Note that a form was sent."""
        before = self._sent.pop(view_id, None)
        sending = self._sent[view_id] = Sending(view_id, key, before.number + 1 if before else 1)
        if len(self._sent) > _MOST:
            del self._sent[next(iter(self._sent))]
        return sending

    def is_wanted(self, sending: Sending) -> bool:
        """Return whether the form was not sent with anything else since: it shows what comes of what was sent last."""
        return self._sent.get(sending.view_id, sending).key == sending.key

    def is_sent_again(self, sending: Sending) -> bool:
        """Return whether the same was sent once more, which says what comes of it."""
        last = self._sent.get(sending.view_id, sending)
        return last.key == sending.key and last.number != sending.number

    def note_stored(self, sending: Sending) -> None:
        """Note that what was sent is stored: whatever comes of the same once more."""
        self._stored[sending.key] = None
        if len(self._stored) > _MOST:
            del self._stored[next(iter(self._stored))]

    def is_stored(self, sending: Sending) -> bool:
        """Return whether what was sent is known to be stored."""
        return sending.key in self._stored

    def unshown(self, view_id: str, shown: int) -> tuple[int, str] | None:
        """Return what was pressed that the drawing `shown` does not show yet, with the number of the one that does."""
        pressed = self._pressed.get(view_id)
        return pressed if pressed and shown < pressed[0] else None
