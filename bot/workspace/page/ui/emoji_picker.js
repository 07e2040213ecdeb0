// Choosing an emoji: the common ones, and search by name.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { character, common, search } from "../text/emoji.js";
import { Floating } from "./floating.js";

const FOUND = 40; // emoji shown for a search
const PER_ROW = 8;

function Picker({ anchor, pick, onClose }) {
  const [query, setQuery] = useState("");
  const field = useRef(null);
  const grid = useRef(null);
  useEffect(() => field.current.focus(), []);
  const names = query ? search(query, FOUND) : common;
  const done = (name) => {
    onClose();
    anchor.current?.focus();
    if (name) pick(name);
  };
  const press = (event) => {
    const cells = [...grid.current.children];
    const at = cells.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: PER_ROW, ArrowUp: -PER_ROW }[event.key];
    if (event.key === "Escape") done();
    else if (event.key === "Enter" && at < 0 && names[0]) done(names[0]);
    else if (step && (at >= 0 || event.key === "ArrowDown")) (cells[at < 0 ? 0 : at + step] ?? field.current).focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<${Floating} anchor=${anchor} onClose=${onClose} align="end" class="emoji-panel" role="dialog" aria-label="Emoji">
    <div onKeyDown=${press}>
      <input ref=${field} class="text-field" type="search" aria-label="Search emoji" placeholder="Search emoji" value=${query} onInput=${(event) => setQuery(event.target.value)} />
      <div class="emoji-grid" ref=${grid}>
        ${names.map((name) => html`<button type="button" key=${name} class="emoji-cell" aria-label=${name} title=${`:${name}:`} onClick=${() => done(name)}>${character(name)}</button>`)}
      </div>
      ${!names.length && html`<p class="muted">No emoji of that name.</p>`}
    </div>
  <//>`;
}

/** A button that opens the picker. */
export function EmojiButton({ label, class: css, pick, children }) {
  const [open, setOpen] = useState(false);
  const button = useRef(null);
  return html`<button ref=${button} type="button" class=${css} aria-label=${label} title=${label} aria-haspopup="dialog" aria-expanded=${String(open)}
      onClick=${() => setOpen(!open)}><span aria-hidden="true">${children}</span></button>
    ${open && html`<${Picker} anchor=${button} pick=${pick} onClose=${() => setOpen(false)} />`}`;
}
