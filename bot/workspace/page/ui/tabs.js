// A row of tabs, walked with the arrow keys.
import { html, useRef } from "../vendor/preact-htm.js";

/** `tabs` is a list of [key, label]; the panel must have the id `${id}-panel`. */
export function Tabs({ tabs, chosen, choose, label, id, children }) {
  const row = useRef(null);
  const press = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = tabs.findIndex(([key]) => key === chosen);
    const next = tabs[(at + step + tabs.length) % tabs.length][0];
    choose(next);
    row.current.querySelector(`[data-tab="${next}"]`)?.focus();
  };
  return html`<div class="tabs"><div ref=${row} class="tab-list" role="tablist" aria-label=${label} onKeyDown=${press}>
    ${tabs.map(([key, name]) => html`<button type="button" role="tab" key=${key} data-tab=${key} class=${`tab ${key === chosen ? "chosen" : ""}`}
      aria-selected=${String(key === chosen)} aria-controls=${`${id}-panel`} tabindex=${key === chosen ? "0" : "-1"} onClick=${() => choose(key)}>${name}</button>`)}
  </div>${children}</div>`;
}
