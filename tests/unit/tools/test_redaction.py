"""Secrets are masked by their looks, in time that grows with the text and no faster."""

import base64
import hashlib
import time

import pytest

from incidents.tools import redaction
from incidents.tools.redaction import MASK


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("DB_PASSWORD=hunter22 ok", f"DB_PASSWORD={MASK} ok"),
        ("'api-key': 'abcd efgh'", f"'api-key': {MASK}"),
        ("Authorization: Bearer abcdefgh", f"Authorization: {MASK}"),
        ("postgres://sitrep:hunter22@db/x", f"postgres://sitrep:{MASK}@db/x"),
        ("see eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJSM now", f"see {MASK} now"),
        ("eyJhbGciOiJI.eyJzdWIiOiIx is half of one", "eyJhbGciOiJI.eyJzdWIiOiIx is half of one"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, masked: str) -> None:
    assert redaction.redact(text) == masked


@pytest.mark.parametrize("line", ["{}", "deploy/key.pem:7:{}", "+{}", "abc1234 key.pem:7: {}", "7\t{}\r", '  "{}\\n",'])
def test_a_line_of_a_private_key_is_masked_where_it_stands_alone(line: str) -> None:
    body = base64.b64encode(hashlib.sha384(b"key").digest()).decode()
    said = line.format(body)
    assert redaction.redact(f"before\n{said}\nafter") == f"before\n{line.format(MASK)}\nafter"


def test_digests_and_paths_are_no_keys() -> None:
    digest = hashlib.sha256(b"x").hexdigest()
    path = "src/main/java/com/example/checkout/v2/pricing/PriceCalculation.java"
    integrity = f"sha512-{base64.b64encode(hashlib.sha512(b'x').digest()).decode()}"
    text = f"{digest}  a.tar\n{digest}\n+++ b/{path}\n{path}\n{integrity}\n"
    assert redaction.redact(text) == text


@pytest.mark.parametrize("word", ["aB1", "aB1+\n", "a-", "a.", "eyJ-", "password-", "://a"])
def test_one_long_word_does_not_hold_the_process_up(word: str) -> None:
    text = word * 20_000
    began = time.process_time()
    assert redaction.redact(text) == text
    assert time.process_time() - began < 1.0
