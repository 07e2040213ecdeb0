// Changing what one has written: edit in place, delete after a question.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import * as sending from "../core/sending.js";
import { editable } from "../text/outgoing.js";
import { Dialog } from "./dialog.js";
import { Message } from "./message.js";

export function MessageEditor({ channel, message, close }) {
  const [text, setText] = useState(() => editable(message.text ?? ""));
  const field = useRef(null);
  useEffect(() => {
    field.current.focus();
    field.current.setSelectionRange(text.length, text.length);
  }, []);
  const save = async () => {
    if (text.trim() && (await sending.edit(channel, message.ts, text))) close();
  };
  const press = (event) => {
    if (event.key === "Escape") close();
    else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="editor">
    <textarea ref=${field} class="text-field" rows="3" aria-label="Edit message" value=${text} onInput=${(event) => setText(event.target.value)} onKeyDown=${press}></textarea>
    <div class="editor-foot"><button type="button" class="button small" onClick=${close}>Cancel</button><button type="button" class="button small primary" onClick=${save}>Save</button></div>
  </div>`;
}

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
