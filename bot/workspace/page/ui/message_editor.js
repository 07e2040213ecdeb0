// Changing what one has written, in place.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import * as sending from "../core/sending.js";
import { editable } from "../text/outgoing.js";

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
