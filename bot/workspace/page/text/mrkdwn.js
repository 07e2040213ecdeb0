// Slack's mrkdwn, parsed into a tree and shown; never through innerHTML.
import { html } from "../vendor/preact-htm.js";
import { character, Emoji } from "./emoji.js";
import { Broadcast, ChannelMention, GroupMention, Link, Moment, UserMention } from "./links.js";

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
/** Undo the three escapes of Slack's texts. */
export const decode = (text) => text.replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity]);

const MARKS = { "*": "strong", _: "em", "~": "s" };
const EMOJI = /:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/iy;
const BARE_URL = /https?:\/\/[^\s<>|"]*[^\s<>|".,;:!?)\]}'*_~`]/iy;
const WORD = /[\p{L}\p{N}]/u;

/** Show a mrkdwn text; `verbatim` leaves bare URLs alone. */
export function Mrkdwn({ text, verbatim }) {
  return html`<div class="mrkdwn">${fenced(String(text ?? ""), { verbatim })}</div>`;
}

function fenced(text, options) {
  const parts = text.split(/```\n?([\s\S]+?)\n?```/);
  return parts.flatMap((part, index) => {
    if (index % 2) return [html`<pre class="code-block"><code>${codeText(part)}</code></pre>`];
    const between = part.replace(index ? /^\n/ : "", "").replace(index < parts.length - 1 ? /\n$/ : "", "");
    return between ? quoted(between, options) : [];
  });
}

function quoted(text, options) {
  const lines = text.split("\n");
  const shown = [];
  for (let at = 0; at < lines.length; ) {
    const rest = lines[at].match(/^(?:&gt;|>){3} ?(.*)$/);
    if (rest) {
      shown.push(html`<blockquote>${paragraph([rest[1], ...lines.slice(at + 1)], options)}</blockquote>`);
      break;
    }
    const from = at;
    const isQuote = /^(&gt;|>)/.test(lines[at]);
    while (at < lines.length && /^(&gt;|>)/.test(lines[at]) === isQuote && !(at > from && /^(&gt;|>){3}/.test(lines[at]))) at += 1;
    const run = lines.slice(from, at);
    if (isQuote) shown.push(html`<blockquote>${paragraph(run.map((line) => line.replace(/^(&gt;|>) ?/, "")), options)}</blockquote>`);
    else shown.push(paragraph(run, options));
  }
  return shown;
}

const BULLET = /^(\s*)([•◦▪‣-]|\d{1,3}\.)\s+(?=\S)/;

// Slack has no lists in mrkdwn; lines that look like items hang so that they read as such.
function paragraph(lines, options) {
  return lines.map((line) => {
    const bullet = line.match(BULLET);
    if (line.trim() === "") return html`<div class="blank"></div>`;
    if (!bullet) return html`<div>${inline(line, options)}</div>`;
    const mark = bullet[2] === "-" ? "•" : bullet[2];
    return html`<div class="hanging" style=${`margin-left:${bullet[1].length * 0.5}em`}>
      <span class="hanging-mark">${mark}</span><span>${inline(line.slice(bullet[0].length), options)}</span>
    </div>`;
  });
}

/** Parse one line; `within` holds the marks it already stands in. */
function inline(text, options, within = "") {
  const nodes = [];
  const dead = {}; // marks known to have no end in the rest of the line
  let plain = "";
  const flush = () => {
    if (plain) nodes.push(decode(plain));
    plain = "";
  };
  for (let at = 0; at < text.length; ) {
    const found = token(text, at, options, within, dead);
    if (found) {
      flush();
      nodes.push(found.node);
      at = found.end;
    } else {
      plain += text[at];
      at += 1;
    }
  }
  flush();
  return nodes;
}

function token(text, at, options, within, dead) {
  const letter = text[at];
  if (letter === "<") return angled(text, at);
  if (letter === "`") return code(text, at, dead);
  if (letter === ":") return emoji(text, at);
  if (letter in MARKS) return marked(text, at, options, within, dead);
  if (letter === "h" && !options.verbatim && !WORD.test(text[at - 1] ?? "")) return bareUrl(text, at);
  return null;
}

function code(text, at, dead) {
  if (dead["`"]) return null;
  const end = text.indexOf("`", at + 1);
  if (end < 0) dead["`"] = true;
  if (end <= at + 1) return null;
  return { node: html`<code class="code">${codeText(text.slice(at + 1, end))}</code>`, end: end + 1 };
}

const codeText = (text) => decode(text.replace(/<([^<>|]+)\|([^<>]+)>/g, "$2").replace(/<((?:https?|mailto):[^<>]+)>/g, "$1"));

function emoji(text, at) {
  EMOJI.lastIndex = at;
  const match = EMOJI.exec(text);
  if (!match || !character(match[1])) return null;
  return { node: html`<${Emoji} name=${match[1]} />`, end: EMOJI.lastIndex };
}

function bareUrl(text, at) {
  BARE_URL.lastIndex = at;
  const match = BARE_URL.exec(text);
  if (!match) return null;
  return { node: html`<${Link} url=${decode(match[0])}>${decode(match[0])}<//>`, end: BARE_URL.lastIndex };
}

function marked(text, at, options, within, dead) {
  const mark = text[at];
  if (within.includes(mark) || dead[mark] || WORD.test(text[at - 1] ?? "") || /[\s]|^$/.test(text[at + 1] ?? "")) return null;
  const end = closing(text, at, mark);
  if (end < 0) {
    dead[mark] = true;
    return null;
  }
  if (end === at + 1) return null;
  const Tag = MARKS[mark];
  return { node: html`<${Tag}>${inline(text.slice(at + 1, end), options, within + mark)}<//>`, end: end + 1 };
}

// A mark ends before a non-word and after a non-space; code and <…> are skipped over.
function closing(text, from, mark) {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === "`" || text[at] === "<") {
      const end = text.indexOf(text[at] === "`" ? "`" : ">", at + 1);
      if (end > 0) at = end;
    } else if (text[at] === mark && !/\s/.test(text[at - 1]) && !WORD.test(text[at + 1] ?? "")) return at;
  }
  return -1;
}

function angled(text, at) {
  const end = text.indexOf(">", at + 1);
  if (end < 0) return null;
  const inner = text.slice(at + 1, end);
  const node = special(inner);
  return node ? { node, end: end + 1 } : null;
}

function special(inner) {
  const bar = inner.indexOf("|");
  const target = bar < 0 ? inner : inner.slice(0, bar);
  const label = bar < 0 ? undefined : decode(inner.slice(bar + 1));
  if (/^@[A-Z0-9]+$/.test(target)) return html`<${UserMention} id=${target.slice(1)} label=${label} />`;
  if (/^#[A-Z0-9]+$/.test(target)) return html`<${ChannelMention} id=${target.slice(1)} label=${label} />`;
  if (target.startsWith("!")) return command(target.slice(1), label);
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) {
    const url = decode(target);
    return html`<${Link} url=${url}>${label ?? url.replace(/^mailto:/, "")}<//>`;
  }
  return null;
}

function command(target, label) {
  if (["here", "channel", "everyone"].includes(target)) return html`<${Broadcast} range=${target} />`;
  const [name, first, second, third] = target.split("^");
  if (name === "subteam") return html`<${GroupMention} id=${first} label=${label} />`;
  if (name === "date") return html`<${Moment} seconds=${first} template=${second ?? ""} url=${third && decode(third)} fallback=${label} />`;
  return html`<span>${label ?? `<!${target}>`}</span>`;
}

const ONLY_EMOJI = /^(?:\s*(?::[a-z0-9_+'-]+(?:::skin-tone-[2-6])?:|\p{Extended_Pictographic}[\ufe0f\u{1f3fb}-\u{1f3ff}]?))+\s*$/iu;
/** Whether a message is nothing but a few emoji, which Slack shows large. */
export const isJumbo = (text) => text.length < 120 && ONLY_EMOJI.test(text);
