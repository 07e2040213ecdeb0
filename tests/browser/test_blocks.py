"""Texts and blocks: shown as Slack shows them, escaped, and never dropped silently."""

from typing import Any

import pytest
from playwright.async_api import Page, expect
from slack_sdk.web.async_client import AsyncWebClient

from bot.workspace.server import Workspace
from tests.browser.pager import plain

CONTRAST = """() => {
  const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const channel = (value) => (value /= 255, value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const over = ([r, g, b, a = 1], below) => [r, g, b].map((value, i) => value * a + below[i] * (1 - a));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(parse(getComputedStyle(at).backgroundColor));
    return layers.reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const says = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!says || element.closest(".sr, [aria-hidden=true], :disabled, .emoji") || !element.checkVisibility()) continue;
    if (getComputedStyle(element).visibility !== "visible") continue;
    const below = ground(element);
    const [a, b] = [light(over(parse(getComputedStyle(element).color), below)), light(below)];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${element.className} "${element.textContent.slice(0, 30)}" ${ratio.toFixed(2)}`);
  }
  return poor;
}"""  # WCAG 2.2, "Contrast (Minimum)": 4.5 to 1


async def shown(page: Page, bot: AsyncWebClient, **message: Any):
    ts = (await bot.chat_postMessage(channel="general", **message))["ts"]
    row = page.locator(f'[data-ts="{ts}"] .message-text')
    await expect(row).to_be_visible()
    return row


# What is posted, and the bare HTML of what it becomes.
MRKDWN = {
    "*b* _i_ ~s~ `c*d*`": "<strong>b</strong> <em>i</em> <s>s</s> <code>c*d*</code>",
    "snake_case_name 2*3*4 a~b~": "snake_case_name 2*3*4 a~b~",
    "*_both_*": "<strong><em>both</em></strong>",
    "* not bold* **": "* not bold* **",
    "&lt;b&gt; &amp;amp;": "&lt;b&gt; &amp;amp;",
    "<https://example.com/?a=1&amp;b=2|label &amp; more>": "<a>label &amp; more</a>",
    "see https://example.com/x.": "see <a>https://example.com/x</a>.",
    "<javascript:alert(1)|press me>": "<span>press me</span>",
    ":fire: :no_such_emoji:": "<span>🔥</span> :no_such_emoji:",
    "<!date^1^{nonsense}|then> <!here>": "<time>{nonsense}</time> <span>@here</span>",
}

BARE = """(rows) => rows.map((row) => {
  const copy = row.cloneNode(true);
  for (const tag of copy.querySelectorAll("*")) {
    for (const name of tag.getAttributeNames()) tag.removeAttribute(name);
  }
  return copy.innerHTML;
})"""


async def test_mrkdwn_reads_as_in_slack(open_page, bot: AsyncWebClient):
    page = await open_page()
    await shown(page, bot, text="\n".join(MRKDWN))
    drawn = await page.locator(".message-text .mrkdwn > div").filter(visible=True).evaluate_all(BARE)
    assert dict(zip(MRKDWN, drawn[-len(MRKDWN) :], strict=True)) == MRKDWN


async def test_markup_in_any_text_stays_text(open_page, bot: AsyncWebClient):
    page = await open_page()
    attack = "<img src=x onerror=window.broken=1><script>window.broken=1</script>"
    blocks = [
        {"type": "section", "text": {"type": "mrkdwn", "text": attack}},
        {"type": "header", "text": plain(attack)},
        {"type": "markdown", "text": f"{attack}\n\n[x](javascript:window.broken=1)"},
    ]
    row = await shown(page, bot, text=attack, blocks=blocks)
    assert await row.locator("img, script, a").count() == 0
    assert await page.evaluate("window.broken") is None


async def test_ten_thousand_marks_are_drawn_without_delay(open_page, bot: AsyncWebClient):
    page = await open_page()
    row = await shown(page, bot, text="*_~`<" * 2000 + "\nthe end")
    await expect(row.get_by_text("the end")).to_be_visible()


async def test_dates_are_written_in_the_readers_own_zone(open_page, bot: AsyncWebClient):
    page = await open_page(timezone_id="Asia/Tokyo")
    row = await shown(page, bot, text="due <!date^1763736000^{date_num} at {time}|soon>")
    await expect(row).to_have_text("due 11/21/2025 at 11:40 PM")


async def test_unknown_block_is_a_labelled_box(open_page, bot: AsyncWebClient, workspace: Workspace):
    page = await open_page()
    ts = (await bot.chat_postMessage(channel="general", text="x"))["ts"]
    message = workspace.core.team.channels_by_name["general"].messages[ts]
    message.blocks = [{"type": "hologram", "block_id": "h", "beam": 1}, {"type": "header", "block_id": "x"}]
    await page.reload()
    row = page.locator(f'[data-ts="{ts}"]')
    await expect(row.get_by_text("This page cannot draw blocks of type “hologram”")).to_be_visible()


async def test_long_section_is_folded_until_asked(open_page, bot: AsyncWebClient):
    page = await open_page()
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "many words " * 200}}]
    row = await shown(page, bot, text="x", blocks=blocks)
    low = (await row.bounding_box() or {})["height"]
    await row.get_by_role("button", name="Show more").click()
    await expect(row.get_by_role("button", name="Show less")).to_be_visible()
    assert (await row.bounding_box() or {})["height"] > low


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_every_text_stands_out_from_its_ground(open_page, bot: AsyncWebClient, scheme: str):
    page = await open_page(color_scheme=scheme)
    await bot.chat_postEphemeral(channel="general", user="U0AVA", text="between us")
    row = await shown(page, bot, text="look", blocks=SURFACE)
    await expect(row.get_by_text("kept inside")).to_be_visible()
    await expect(page.get_by_role("button", name="Approve")).to_be_visible()
    assert await page.evaluate(CONTRAST) == []
    await page.keyboard.type("/ops ")
    assert await page.evaluate(CONTRAST) == []
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Declare")
    await dialog.get_by_role("button", name="Declare").click()
    await expect(dialog.get_by_text("Please complete this required field.")).to_be_visible()
    assert await page.evaluate(CONTRAST) == []


async def test_the_switch_of_appearance_wins_over_the_system(open_page, bot: AsyncWebClient):
    page = await open_page(color_scheme="light")
    await expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    await page.get_by_role("button", name="Appearance").click()
    await page.get_by_role("menuitemradio", name="Dark").click()
    await expect(page.locator("body")).to_have_css("background-color", "rgb(26, 29, 33)")
    await page.reload()
    await expect(page.locator("body")).to_have_css("background-color", "rgb(26, 29, 33)")


SURFACE: list[dict[str, Any]] = [
    {"type": "header", "text": plain("inc-7")},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "`code` <@U0AVA> <@U0BEN> <!here> <https://example.com|link> *bold*"},
    },
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "small *words* and `code`"}]},
    {"type": "alert", "level": "warning", "text": plain("careful")},
    {"type": "alert", "level": "error", "text": plain("failed")},
    {
        "type": "container",
        "title": plain("Evidence"),
        "child_blocks": [{"type": "section", "text": plain("kept inside")}],
    },
    {
        "type": "actions",
        "elements": [
            {"type": "button", "text": plain("Approve"), "action_id": "a", "style": "primary"},
            {"type": "button", "text": plain("Send back"), "action_id": "b", "style": "danger"},
            {"type": "button", "text": plain("See the diff"), "action_id": "c"},
            {
                "type": "static_select",
                "action_id": "d",
                "placeholder": plain("Pick"),
                "options": [{"text": plain("One"), "value": "1"}],
            },
        ],
    },
]
