"""A commander who presses whatever waits for a decision, for as long as it waits."""

import asyncio
import contextlib
import json
from collections.abc import Sequence
from typing import Any

import httpx

from bot.workspace.driver import Person
from bot.workspace.rules.errors import SlackError

#: Labels of the buttons that move a response on; one is pressed when a message has it.
_DECISIONS = ("Attest", "Choose 1", "Approve and deploy")
_LOOKS_AGAIN_SECONDS = 0.4


async def decide(person: Person, channel: str, labels: Sequence[str] = _DECISIONS) -> None:
    """Press, for ever; what is refused or not answered is pressed again."""
    while True:
        with contextlib.suppress(SlackError, TimeoutError, httpx.HTTPError):
            for message in await _messages(person, channel):
                for label in labels:
                    if f'"text": "{label}"' in json.dumps(message.get("blocks", [])):
                        with contextlib.suppress(SlackError, TimeoutError):
                            await person.click(channel, message, label)
        await asyncio.sleep(_LOOKS_AGAIN_SECONDS)


async def _messages(person: Person, channel: str) -> list[dict[str, Any]]:
    found = []
    for message in await person.messages(channel):
        found.append(message)
        if message.get("reply_count"):
            found += (await person.replies(channel, message["ts"]))[1:]
    return found
