// Blocks that say something: section, header, divider, context, image, file, video, markdown, rich text, alert.
import { html, useContext } from "../vendor/preact-htm.js";
import { Surface } from "../core/surface.js";
import { Link } from "../text/links.js";
import { Markdown } from "../text/markdown.js";
import { RichText } from "../text/rich_text.js";
import { FileCard } from "../ui/files.js";
import { Element } from "./elements.js";
import { imageAddress } from "./pictures.js";
import { Folded, plain, Text } from "./text.js";

export function Section({ block }) {
  const surface = useContext(Surface);
  const unfolds = block.expand || surface?.kind !== "message";
  const isImage = block.accessory?.type === "image";
  return html`<div class="section">
    <div class="section-main">
      ${block.text && html`<${Folded} source=${block.text.text} always=${unfolds}><div class="section-text"><${Text} text=${block.text} /></div><//>`}
      ${block.fields && html`<div class="fields">${block.fields.map((field) => html`<div class="field"><${Text} text=${field} /></div>`)}</div>`}
    </div>
    ${block.accessory && html`<div class=${isImage ? "accessory accessory-image" : "accessory"}>
      <${Element} block=${block} element=${block.accessory} />
    </div>`}
  </div>`;
}

export const Header = ({ block }) => html`<h3 class="header-block">${plain(block.text)}</h3>`;

export const Divider = () => html`<hr class="divider-block" />`;

export function Context({ block }) {
  return html`<div class="context">
    ${(block.elements ?? []).map((element) =>
      element.type === "image"
        ? html`<img class="context-image" src=${imageAddress(element)} alt=${element.alt_text ?? ""} title=${element.alt_text} />`
        : html`<div class="context-text"><${Text} text=${element} /></div>`,
    )}
  </div>`;
}

export function ImageBlock({ block }) {
  return html`<figure class="image-block">
    ${block.title && html`<figcaption>${plain(block.title)}</figcaption>`}
    <img src=${imageAddress(block)} alt=${block.alt_text ?? ""} loading="lazy" />
  </figure>`;
}

export const MarkdownBlock = ({ block }) => html`<${Markdown} text=${block.text} />`;

export const RichTextBlock = ({ block }) => html`<${RichText} block=${block} />`;

export const FileBlock = ({ block }) => html`<${FileCard} id=${block.file_id ?? block.external_id} file=${block.file} />`;

export function Video({ block }) {
  return html`<div class="video-block">
    <div class="video-title"><${Link} url=${block.title_url ?? block.video_url}>${plain(block.title)}<//></div>
    ${block.description && html`<div>${plain(block.description)}</div>`}
    <${Link} url=${block.video_url} class="video-frame"><img src=${block.thumbnail_url} alt=${block.alt_text ?? ""} /><span aria-hidden="true">▶</span><//>
    <div class="muted">${[block.author_name, block.provider_name].filter(Boolean).join(" · ")}</div>
  </div>`;
}

const LEVELS = { default: "ℹ️", info: "ℹ️", warning: "⚠️", error: "⛔", success: "✅" };

export function Alert({ block }) {
  const level = LEVELS[block.level] ? block.level : "default";
  return html`<div class=${`alert alert-${level}`} role="note">
    <span aria-hidden="true">${LEVELS[level]}</span><div><${Text} text=${block.text} /></div>
  </div>`;
}
