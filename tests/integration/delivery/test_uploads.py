"""Files go to another host than everything else: what befalls that one befalls files alone."""

from typing import Any

import pytest

from bot.delivery import settling
from bot.delivery.outage import Outage
from bot.delivery.trip import Undelivered
from bot.delivery.web import Web
from incidents.events import EventKind
from incidents.notices import Action
from tests.integration.delivery.conftest import Post, note
from tests.processes import free_port


async def test_upload_host_out_of_reach_is_no_outage_of_slacks_and_fails_the_file_in_the_end(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_LONGEST_BACKOFF_SECONDS", 0.1)
    monkeypatch.setattr(settling, "_MOST_TRIES", 5)
    read, noted = Web.read, Outage.note
    troubles: set[str] = set()

    async def elsewhere(web: Web, method: str, **arguments: Any) -> Any:
        answer = await read(web, method, **arguments)
        if method == "files.getUploadURLExternal":  # the firewall lets us to the Web API alone
            answer = {**answer, "upload_url": f"http://127.0.0.1:{free_port()}/upload"}
        return answer

    def note_(outage: Outage, failure: Undelivered | None) -> None:
        noted(outage, failure)
        troubles.add(outage.trouble)

    monkeypatch.setattr(Web, "read", elsewhere)
    monkeypatch.setattr(Outage, "note", note_)
    incident = await post.room()
    post.deliverer().start()
    await post.put(incident, note("file", action=Action.FILE, params={"filename": "postmortem.md"}))
    row = await post.wait("file", "failed")
    assert troubles == {""}
    assert row.attempts == 5
    assert "127.0.0.1" in row.error
    assert "proxy" in row.error
    (event,) = [each for each in await post.events(incident) if each.kind is EventKind.DELIVERY_FAILED]
    assert event.data["error"] == row.error
    await post.put(incident, note("n"))
    await post.wait("n")
