// card, carousel and container blocks.
import { html } from "../vendor/preact-htm.js";
import { Element } from "./elements.js";
import { imageAddress } from "./pictures.js";
import { RichText } from "../text/rich_text.js";
import { plain, Text } from "./text.js";

export function Card({ block }) {
  return html`<article class="card">
    ${block.hero_image && html`<img class="card-hero" src=${imageAddress(block.hero_image)} alt=${block.hero_image.alt_text ?? ""} />`}
    <div class="card-head">
      ${block.icon && html`<img class="card-icon" src=${imageAddress(block.icon)} alt=${block.icon.alt_text ?? ""} />`}
      <div>
        ${block.title && html`<div class="card-title"><${Text} text=${block.title} /></div>`}
        ${block.subtitle && html`<div class="card-subtitle"><${Text} text=${block.subtitle} /></div>`}
      </div>
    </div>
    ${block.body && html`<div class="card-body"><${Text} text=${block.body} /></div>`}
    ${block.actions?.length > 0 && html`<div class="actions">${block.actions.map((element) => html`<${Element} block=${block} element=${element} />`)}</div>`}
  </article>`;
}

export function Carousel({ block }) {
  return html`<div class="carousel" role="list" tabindex="0" aria-label="Cards">
    ${(block.elements ?? []).map((card) => html`<div role="listitem"><${Card} block=${{ block_id: block.block_id, ...card }} /></div>`)}
  </div>`;
}

export function Container({ block, inner: Blocks }) {
  const title = html`<span class="container-title">
    ${block.icon && html`<img class="card-icon" src=${imageAddress(block.icon)} alt="" />`}
    ${block.rich_text_title ? html`<${RichText} block=${block.rich_text_title} />` : plain(block.title)}
    ${block.subtitle && html`<span class="card-subtitle"><${Text} text=${block.subtitle} /></span>`}
  </span>`;
  const children = html`<${Blocks} blocks=${block.child_blocks} />`;
  const css = `container container-${block.width ?? "standard"} ${block.has_header_divider ? "container-ruled" : ""}`;
  if (!block.is_collapsible) return html`<div class=${css}>${title}${children}</div>`;
  return html`<details class=${css} open=${!block.default_collapsed}><summary>${title}</summary>${children}</details>`;
}
