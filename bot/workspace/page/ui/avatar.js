// Generated pictures: initials on a colour that is always the same for the same id.
import { html } from "../vendor/preact-htm.js";
import { colourOf, initialsOf } from "../text/authors.js";

/** The picture of a person or app; apps show their emoji when they were given one. */
export function Avatar({ id, name, size = 36, image, glyph }) {
  const style = { width: `${size}px`, height: `${size}px`, fontSize: `${Math.round(size * 0.42)}px`, background: colourOf(id) };
  if (image) return html`<img class="avatar" src=${image} width=${size} height=${size} alt="" />`;
  return html`<span class=${`avatar ${glyph ? "avatar-glyph" : ""}`} style=${style} aria-hidden="true">${glyph ?? initialsOf(name)}</span>`;
}
