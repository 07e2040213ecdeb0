// Slack's confirm dialog, asked before an element's action goes out.
import { html } from "../vendor/preact-htm.js";
import { useStore } from "../core/store.js";
import { plain, Text } from "../blocks/text.js";
import { Dialog } from "./dialog.js";

export function ConfirmDialog() {
  const asked = useStore((state) => state.confirm);
  if (!asked) return null;
  const { confirm, answer } = asked;
  const footer = html`
    <button type="button" class="button" onClick=${() => answer(false)}>${confirm.deny ? plain(confirm.deny) : "Cancel"}</button>
    <button type="submit" class=${`button ${confirm.style === "danger" ? "danger" : "primary"}`}>${confirm.confirm ? plain(confirm.confirm) : "Yes"}</button>`;
  return html`<${Dialog} class="confirm" title=${confirm.title ? plain(confirm.title) : "Are you sure?"} label=${confirm.title?.text}
    onClose=${() => answer(false)} onSubmit=${() => answer(true)} footer=${footer}>
    <${Text} text=${confirm.text} />
  <//>`;
}
