// Sentences that pass at the bottom of the page.
import { html } from "../vendor/preact-htm.js";
import { useStore } from "../core/store.js";

export function Notices() {
  const notices = useStore((state) => state.notices);
  return html`<div class="notices" role="status" aria-live="polite">
    ${notices.map((notice) => html`<div class="notice" key=${notice.id}>${notice.text}</div>`)}
  </div>`;
}
