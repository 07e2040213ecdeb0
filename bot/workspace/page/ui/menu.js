// Menus: a button that opens a list of commands, walked with the arrow keys.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Floating } from "./floating.js";

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

/** A menu of `items`: {label, hint?, run, danger?, checked?, icon?}, {heading} or {divider: true}. */
export function Menu({ anchor, items, onClose, label, align }) {
  const list = useRef(null);
  const entries = () => [...list.current.querySelectorAll("[role^=menuitem]")];
  useEffect(() => {
    const chosen = list.current.querySelector("[aria-checked=true]");
    (chosen ?? entries()[0])?.focus();
  }, []);
  const close = (refocus = true) => {
    onClose();
    if (refocus) anchor.current?.focus();
  };
  const walk = (event) => {
    const all = entries();
    const at = all.indexOf(document.activeElement);
    const step = STEPS[event.key];
    const next =
      step ? all[(at + step + all.length) % all.length]
      : event.key === "Home" ? all[0]
      : event.key === "End" ? all.at(-1)
      : event.key.length === 1 && event.key !== " " ? beginning(all, at, event.key)
      : null;
    if (next) next.focus();
    else if (event.key === "Escape" || event.key === "Tab") close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<${Floating} anchor=${anchor} onClose=${() => close(false)} align=${align} class="menu-panel">
    <div ref=${list} role="menu" aria-label=${label} class="menu" onKeyDown=${walk}>
      ${items.filter(Boolean).map((item) => html`<${Item} item=${item} close=${close} />`)}
    </div>
  <//>`;
}

function beginning(all, at, letter) {
  const from = [...all.slice(at + 1), ...all.slice(0, at + 1)];
  return from.find((entry) => entry.textContent.trim().toLowerCase().startsWith(letter.toLowerCase()));
}

function Item({ item, close }) {
  if (item.divider) return html`<div role="separator" class="menu-divider"></div>`;
  if (item.heading) return html`<div class="menu-heading" role="presentation">${item.heading}</div>`;
  const run = () => {
    close();
    item.run();
  };
  const isChoice = item.checked !== undefined;
  return html`<button
    type="button" tabindex="-1" class=${`menu-item ${item.danger ? "menu-danger" : ""}`} onClick=${run}
    role=${isChoice ? "menuitemradio" : "menuitem"} aria-checked=${isChoice ? String(item.checked) : undefined}
  >
    ${item.icon ? html`<span class="menu-icon" aria-hidden="true">${item.icon}</span>` : null}
    <span class="menu-label">${item.label}${item.hint ? html`<span class="menu-hint">${item.hint}</span>` : null}</span>
    ${item.checked ? html`<span class="menu-check" aria-hidden="true">✓</span>` : null}
  </button>`;
}

/** A button that opens a menu; `items` may be a function that is asked on opening. */
export function MenuButton({ items, label, class: css, align, children, title, ...rest }) {
  const [open, setOpen] = useState(false);
  const button = useRef(null);
  const press = (event) => {
    if (event.key === "ArrowDown" && !open) {
      event.preventDefault();
      setOpen(true);
    }
  };
  return html`<button
      ref=${button} type="button" class=${css} aria-label=${label} aria-haspopup="menu" aria-expanded=${String(open)}
      title=${title} onClick=${() => setOpen(!open)} onKeyDown=${press} ...${rest}
    >${children}</button>
    ${open
      ? html`<${Menu} anchor=${button} align=${align} label=${label} onClose=${() => setOpen(false)}
          items=${typeof items === "function" ? items() : items} />`
      : null}`;
}
