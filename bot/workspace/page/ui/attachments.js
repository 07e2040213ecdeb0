// Attachments, Slack's older way to add to a message: a coloured bar with text, fields or blocks beside it.
import { html } from "../vendor/preact-htm.js";
import { Blocks } from "../blocks/block.js";
import { Folded } from "../blocks/text.js";
import { clock } from "../text/dates.js";
import { Link } from "../text/links.js";
import { Mrkdwn } from "../text/mrkdwn.js";

const NAMED = { good: "#007a5a", warning: "#de9e31", danger: "#a30200" };
const colour = (given) => NAMED[given] ?? (given ? `#${given.replace("#", "")}` : "var(--line-strong)");

function Attachment({ attachment: part }) {
  const text = part.text ?? (part.blocks?.length ? null : part.fallback);
  return html`${part.pretext && html`<${Mrkdwn} text=${part.pretext} />`}
    <div class="attachment"><span class="attachment-bar" style=${{ background: colour(part.color) }}></span>
      <div class="attachment-main">
        ${part.author_name && html`<div class="muted">${part.author_link ? html`<${Link} url=${part.author_link}>${part.author_name}<//>` : part.author_name}</div>`}
        ${part.title && html`<div class="attachment-title">${part.title_link ? html`<${Link} url=${part.title_link}>${part.title}<//>` : part.title}</div>`}
        ${text && html`<${Folded} source=${text}><div><${Mrkdwn} text=${text} /></div><//>`}
        ${part.blocks?.length > 0 && html`<${Blocks} blocks=${part.blocks} />`}
        ${part.fields?.length > 0 && html`<div class="fields">${part.fields.map((field) => html`<div class=${field.short ? "field" : "field wide"}><b>${field.title}</b><${Mrkdwn} text=${field.value} /></div>`)}</div>`}
        ${part.image_url && html`<img class="file-image" src=${part.image_url} alt=${part.fallback ?? ""} />`}
        ${part.footer && html`<div class="muted">${part.footer}${part.ts ? ` | ${clock(part.ts)}` : ""}</div>`}
      </div>
    </div>`;
}

export const Attachments = ({ attachments }) => (attachments ?? []).map((part) => html`<${Attachment} attachment=${part} />`);
