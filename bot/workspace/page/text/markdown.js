// Markdown (markdown blocks and canvases): marked finds the tokens, preact shows them; raw HTML stays text.
import { html } from "../vendor/preact-htm.js";
import { lexer } from "../vendor/marked.js";
import { withEmoji } from "./emoji.js";
import { ChannelMention, Link, UserMention } from "./links.js";

const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', nbsp: "\u00a0", "#39": "'" };
const decode = (text) => text.replace(/&(amp|lt|gt|quot|nbsp|#39);/g, (_all, name) => NAMED[name]);

const each = (tokens) => (tokens ?? []).map(show);
const text = (token) => (token.tokens ? each(token.tokens) : withEmoji(decode(token.text)));

function image(token) {
  // Canvases mention people and channels as images: ![](@U01ANA), ![](#C01INC).
  if (/^@[UW]\w+$/.test(token.href)) return html`<${UserMention} id=${token.href.slice(1)} />`;
  if (/^#C\w+$/.test(token.href)) return html`<${ChannelMention} id=${token.href.slice(1)} />`;
  if (!/^https?:/.test(token.href)) return token.raw;
  return html`<img class="markdown-image" src=${token.href} alt=${token.text} loading="lazy" />`;
}

function table(token) {
  const cell = (Tag) => (part, column) =>
    html`<${Tag} style=${token.align[column] ? `text-align:${token.align[column]}` : null}>${each(part.tokens)}<//>`;
  return html`<div class="table-scroll"><table class="grid-table">
    <thead><tr>${token.header.map(cell("th"))}</tr></thead>
    <tbody>${token.rows.map((row) => html`<tr>${row.map(cell("td"))}</tr>`)}</tbody>
  </table></div>`;
}

function item(token) {
  const box = token.task
    ? html`<input type="checkbox" disabled checked=${token.checked} aria-label=${token.checked ? "Done" : "Not done"} /> `
    : null;
  const rest = token.tokens.filter((part) => part.type !== "checkbox");
  return html`<li class=${token.task ? "task" : null}>${box}${each(rest)}</li>`;
}

const SHOWN = {
  space: () => null,
  def: () => null,
  hr: () => html`<hr />`,
  br: () => html`<br />`,
  heading: (token) => {
    const Tag = `h${token.depth}`;
    return html`<${Tag}>${each(token.tokens)}<//>`;
  },
  paragraph: (token) => html`<p>${each(token.tokens)}</p>`,
  text,
  escape: (token) => decode(token.text),
  html: (token) => token.raw,
  strong: (token) => html`<strong>${each(token.tokens)}</strong>`,
  em: (token) => html`<em>${each(token.tokens)}</em>`,
  del: (token) => html`<s>${each(token.tokens)}</s>`,
  codespan: (token) => html`<code class="code">${decode(token.text)}</code>`,
  code: (token) => html`<pre class="code-block"><code>${token.text}</code></pre>`,
  blockquote: (token) => html`<blockquote>${each(token.tokens)}</blockquote>`,
  list: (token) =>
    token.ordered
      ? html`<ol start=${token.start || 1}>${token.items.map(item)}</ol>`
      : html`<ul>${token.items.map(item)}</ul>`,
  link: (token) => html`<${Link} url=${token.href}>${each(token.tokens)}<//>`,
  image,
  table,
};

const show = (token) => SHOWN[token.type]?.(token) ?? token.raw;

/** Show a Markdown text. */
export function Markdown({ text: source }) {
  return html`<div class="markdown">${each(lexer(String(source ?? ""), { gfm: true, breaks: true }))}</div>`;
}
