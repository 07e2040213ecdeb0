// What stands in the place of a block or an element that the page does not know.
import { html } from "../vendor/preact-htm.js";

/** A labelled box for what the page cannot draw; nothing is dropped silently. */
export function Unknown({ what, data }) {
  return html`<details class="unknown-block">
    <summary>This page cannot draw ${what}</summary>
    <pre>${JSON.stringify(data, null, 1)}</pre>
  </details>`;
}
