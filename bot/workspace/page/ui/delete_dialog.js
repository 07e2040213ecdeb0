// Deleting what one has written, after a question.
import { html } from "../vendor/preact-htm.js";
import * as sending from "../core/sending.js";
import { Dialog } from "./dialog.js";
import { Message } from "./message.js";

export function DeleteDialog({ channel, message, close }) {
  const remove = async () => {
    if (await sending.remove(channel, message.ts)) close();
  };
  const footer = html`<button type="button" class="button" onClick=${close}>Cancel</button><button type="submit" class="button danger">Delete</button>`;
  return html`<${Dialog} title="Delete message" onClose=${close} onSubmit=${remove} footer=${footer}>
    <p>Are you sure you want to delete this message? This cannot be undone.</p>
    <div class="quoted"><${Message} channel=${channel} message=${message} quiet /></div>
  <//>`;
}
