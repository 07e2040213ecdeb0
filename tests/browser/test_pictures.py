"""The documents' pictures as a browser draws them: no words over others, none out of their box."""

from pathlib import Path

import pytest
from playwright.async_api import Browser

PICTURES = Path(__file__).parents[2] / "docs" / "images" / "workflows"

TROUBLE = """() => {
  const words = [...document.querySelectorAll("text")].filter(each => each.textContent.trim());
  const boxes = [...document.querySelectorAll("rect.box, rect.pill")].map(each => each.getBBox());
  const placed = words.map(each => [each.textContent, each.getBBox()]);
  const cross = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y + 2 < b.y + b.height && b.y + 2 < a.y + a.height;
  const over = placed.flatMap(([said, at], index) =>
    placed.slice(index + 1).filter(([, other]) => cross(at, other)).map(([other]) => `${said} / ${other}`));
  const out = placed.filter(([, at]) => boxes.some(box => cross(at, box) && (at.x < box.x || at.x + at.width > box.x + box.width)));
  return [...over, ...out.map(([said]) => said)];
}"""  # noqa: E501 - JavaScript


@pytest.mark.parametrize("picture", sorted(path.name for path in PICTURES.glob("*.svg")))
async def test_no_words_stand_over_others_or_out_of_their_box(browser: Browser, picture: str) -> None:
    page = await browser.new_page()
    await page.set_content((PICTURES / picture).read_text(encoding="utf-8"))
    assert await page.evaluate(TROUBLE) == []
    await page.close()
