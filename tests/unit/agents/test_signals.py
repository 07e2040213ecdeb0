"""Signs of a security problem: raised by what is there, silent otherwise."""

import pytest

from incidents.agents.playbook import signals


def names(signs: list[signals.Sign]) -> dict[str, bool]:
    return {sign.name: sign.suspicious for sign in signs}


def diff(*lines: str, path: str = "shop/app.py") -> str:
    return "\n".join((f"--- a/{path}", f"+++ b/{path}", "@@ -1 +1 @@", *lines))


def test_ordinary_messages_are_no_sign() -> None:
    assert signals.in_messages([("GET /price 200 in 12 ms", 5000), ("KeyError: 'currency'", 412)]) == []


def test_a_few_refused_sign_ins_are_told_but_not_suspicious() -> None:
    assert names(signals.in_messages([("login failed for user 7", 3)])) == {"authentication": False}


def test_a_burst_of_refused_sign_ins_is_suspicious() -> None:
    (sign,) = signals.in_messages([("login failed for user 7", 15), ("invalid token", 15)])
    assert sign.suspicious
    assert sign.title == "30 refused sign-ins or permissions"


@pytest.mark.parametrize(
    "request_line",
    ["GET /?q=' OR '1'='1", "GET /a?id=1 UNION SELECT name", "GET /../../../etc/passwd", "${jndi:ldap://x}"],
)
def test_injection_attempts_are_recognised(request_line: str) -> None:
    assert names(signals.in_messages([(request_line, 6)])) == {"injection": True}


def test_a_credential_in_the_log_is_suspicious_at_once_and_masked() -> None:
    (sign,) = signals.in_messages([("connecting with password=hunter2222", 1)])
    assert sign.suspicious
    assert "hunter2222" not in sign.sample


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("+API_KEY = 'abcd1234efgh5678'", "secret"),
        ("+    return pickle.loads(body)", "dangerous"),
        ("+    logger.info('paid with card %s', card)", "exposure"),
        ("-    require_permission(user, 'refund')", "guard"),
    ],
)
def test_a_change_that_weakens_security_is_a_sign(line: str, name: str) -> None:
    assert names(signals.in_diff(diff(line))) == {name: True}


@pytest.mark.parametrize(
    "line",
    [
        "-API_KEY = 'abcd1234efgh5678'",  # taken away
        "+    password = request.form['password']",
        "+    require_permission(user, 'refund')",
        "+    total = price * count",
    ],
)
def test_a_harmless_change_is_no_sign(line: str) -> None:
    assert signals.in_diff(diff(line)) == []


def test_tests_may_hold_made_up_secrets() -> None:
    assert signals.in_diff(diff("+API_KEY = 'abcd1234efgh5678'", path="tests/test_app.py")) == []
