// Text objects: plain_text and mrkdwn, and the "Show more" that folds long ones.
import { html, useState } from "../vendor/preact-htm.js";
import { withEmoji } from "../text/emoji.js";
import { Mrkdwn } from "../text/mrkdwn.js";

/** Show a text object. */
export function Text({ text }) {
  if (!text) return null;
  if (text.type === "mrkdwn") return html`<${Mrkdwn} text=${text.text} verbatim=${text.verbatim} />`;
  return html`<span class="plain">${plain(text)}</span>`;
}

/** A plain_text object's children: emoji unless it says no. */
export const plain = (text) => (text?.emoji === false ? text.text : withEmoji(text?.text ?? ""));

// Slack folds long section texts in messages; where exactly is its secret, this is about where.
const LONG_TEXT = 700; // characters
const MANY_LINES = 12;

/** Fold what is long behind "Show more". */
export function Folded({ source, always, children }) {
  const [open, setOpen] = useState(false);
  const isLong = !always && (source.length > LONG_TEXT || source.split("\n").length > MANY_LINES);
  if (!isLong) return children;
  return html`<div class=${open ? "" : "folded"}>${children}</div>
    <button type="button" class="show-more" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>
      ${open ? "Show less" : "Show more"}
    </button>`;
}
