// rich_text blocks: sections, lists, quotes and code, with every inline element Slack knows.
import { html } from "../vendor/preact-htm.js";
import { character, Emoji } from "./emoji.js";
import { Broadcast, ChannelMention, GroupMention, Link, Moment, UserMention } from "./links.js";

const STYLES = [["code", "code", "code"], ["bold", "strong"], ["italic", "em"], ["strike", "s"], ["underline", "u"]];

function styled(node, style = {}) {
  return STYLES.reduce((inner, [name, Tag, css]) => (style[name] ? html`<${Tag} class=${css}>${inner}<//>` : inner), node);
}

const lines = (text) => String(text ?? "").split("\n").flatMap((line, index) => (index ? [html`<br />`, line] : [line]));

const INLINE = {
  text: (element) => lines(element.text),
  link: (element) => html`<${Link} url=${element.url}>${element.text || element.url}<//>`,
  user: (element) => html`<${UserMention} id=${element.user_id} />`,
  usergroup: (element) => html`<${GroupMention} id=${element.usergroup_id} />`,
  channel: (element) => html`<${ChannelMention} id=${element.channel_id} />`,
  broadcast: (element) => html`<${Broadcast} range=${element.range} />`,
  team: (element) => html`<span class="mention">@${element.team_id}</span>`,
  date: (element) =>
    html`<${Moment} seconds=${element.timestamp} template=${element.format} url=${element.url} fallback=${element.fallback} />`,
  color: (element) =>
    html`<span class="swatch-name"><span class="swatch" style=${{ background: element.value }}></span>${element.value}</span>`,
  emoji: (element) => {
    if (character(element.name) || !element.unicode) return html`<${Emoji} name=${element.name} />`;
    const points = element.unicode.split("-").map((code) => Number.parseInt(code, 16));
    return html`<span class="emoji" role="img" aria-label=${`:${element.name}:`}>${String.fromCodePoint(...points)}</span>`;
  },
};

const inline = (elements = []) =>
  elements.map((element) => {
    const show = INLINE[element.type];
    return show ? styled(show(element), element.style) : html`<span class="unknown">[${element.type}]</span>`;
  });

const PARTS = {
  rich_text_section: (part) => html`<div class="rich-section">${inline(part.elements)}</div>`,
  rich_text_quote: (part) => html`<blockquote>${inline(part.elements)}</blockquote>`,
  rich_text_preformatted: (part) => html`<pre class="code-block"><code>${inline(part.elements)}</code></pre>`,
  rich_text_list: (part) => {
    const Tag = part.style === "ordered" ? "ol" : "ul";
    const items = (part.elements ?? []).map((item) => html`<li>${inline(item.elements)}</li>`);
    const css = `rich-list indent-${Math.min(part.indent ?? 0, 8)} ${part.border ? "bordered" : ""}`;
    return html`<${Tag} class=${css} start=${(part.offset ?? 0) + 1}>${items}<//>`;
  },
};

/** Show the `elements` of a rich_text block. */
export function RichText({ block }) {
  return html`<div class="mrkdwn rich-text">
    ${(block?.elements ?? []).map((part) => PARTS[part.type]?.(part) ?? html`<span class="unknown">[${part.type}]</span>`)}
  </div>`;
}

/** The bare words of a rich_text block. */
export const plainOf = (block) =>
  (block?.elements ?? [])
    .flatMap((part) => (part.type === "rich_text_list" ? part.elements.flatMap((item) => item.elements) : part.elements ?? []))
    .map((element) => element.text ?? element.url ?? (element.name ? `:${element.name}:` : ""))
    .join("");

/** The rich_text of what somebody typed, one section a paragraph. */
export function fromPlain(text) {
  if (!text) return null;
  return { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }] };
}
