// Emoji by Slack's names, from the vendored table.
import { html } from "../vendor/preact-htm.js";

let table = {};
let names = [];

const SKIN = ["", "", "🏻", "🏼", "🏽", "🏾", "🏿"];
// Slack's clients know these beside the names of the table.
const ALIASES = { simple_smile: "🙂", thumbsup_all: "👍" };

/** Load the table once, before the first render. */
export async function load() {
  const response = await fetch("/static/vendor/emoji.json");
  table = { ...(await response.json()), ...ALIASES };
  names = Object.keys(table);
}

/** The character of a name such as `wave` or `wave::skin-tone-3`, undefined for unknown names. */
export function character(name) {
  const [plain, tone] = name.split("::");
  const found = table[plain];
  if (!found || !tone) return found;
  return found.replace("\ufe0f", "") + (SKIN[Number(tone.replace("skin-tone-", ""))] ?? "");
}

/** Names that fit what was typed: those that begin with it first. */
export function search(typed, limit = 8) {
  const wanted = typed.toLowerCase();
  const begins = names.filter((name) => name.startsWith(wanted));
  const holds = names.filter((name) => !name.startsWith(wanted) && name.includes(wanted));
  return [...begins.sort((a, b) => a.length - b.length), ...holds].slice(0, limit);
}

export const common = [
  "+1", "white_check_mark", "eyes", "raised_hands", "tada", "heart", "joy", "thinking_face",
  "fire", "rotating_light", "warning", "x", "heavy_plus_sign", "wave", "pray", "rocket",
];

/** Show an emoji by name; an unknown name stays readable as `:name:`. */
export function Emoji({ name }) {
  const found = character(name);
  if (!found) return `:${name}:`;
  return html`<span class="emoji" role="img" aria-label=${`:${name}:`} title=${`:${name}:`}>${found}</span>`;
}

const NAMED = /:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/gi;

/** Plain text with its `:names:` turned into emoji and its line breaks kept. */
export function withEmoji(text) {
  const parts = [];
  let from = 0;
  for (const match of String(text ?? "").matchAll(NAMED)) {
    if (!character(match[1])) continue;
    parts.push(text.slice(from, match.index), html`<${Emoji} name=${match[1]} />`);
    from = match.index + match[0].length;
  }
  return [...parts, String(text ?? "").slice(from)];
}
