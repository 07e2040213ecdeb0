// Small forms about a channel: topic, description, bookmark.
import { html, useState } from "../vendor/preact-htm.js";
import { call, explain } from "../core/api.js";
import { useStore } from "../core/store.js";
import { Dialog } from "./dialog.js";

const LIMIT = 250; // characters of a topic or purpose (Slack: conversations.setTopic)

const NOTES = {
  topic: { title: "Edit topic", method: "conversations.setTopic", hint: "Let people know what is being worked on right now." },
  purpose: { title: "Edit description", method: "conversations.setPurpose", hint: "Let people know what this channel is for." },
};

/** Change a channel's topic or description. */
export function TopicDialog({ id, what = "topic", close }) {
  const channel = useStore((state) => state.channels[id]);
  const [text, setText] = useState(channel?.[what]?.value ?? "");
  const [fault, setFault] = useState(null);
  const { title, method, hint } = NOTES[what];
  const submit = async () => {
    const answer = await call(method, { channel: id, [what]: text });
    if (answer.ok) close();
    else setFault(explain(answer.error));
  };
  const left = LIMIT - text.length;
  return html`<${Dialog} title=${title} onClose=${close} onSubmit=${submit} class="narrow"
    footer=${html`<button type="button" class="button" onClick=${close}>Cancel</button><button type="submit" class="button primary" disabled=${left < 0}>Save</button>`}>
    <textarea class="text-field" rows="3" aria-label=${title} value=${text} onInput=${(event) => setText(event.target.value)} aria-describedby="note-hint"></textarea>
    ${fault && html`<div class="input-fault" role="alert">⚠ ${fault}</div>`}
    <div class="input-hint" id="note-hint">${left < 50 ? `${left} characters left.` : hint}</div>
  <//>`;
}

/** Add a link to the channel's bookmarks. */
export function BookmarkDialog({ id, close }) {
  const [title, setTitle] = useState("");
  const [link, setLink] = useState("");
  const [fault, setFault] = useState(null);
  const submit = async () => {
    if (!/^https?:\/\/\S+$/.test(link)) return setFault("Please enter a link that begins with http:// or https://.");
    const answer = await call("bookmarks.add", { channel_id: id, title: title || link, type: "link", link });
    return answer.ok ? close() : setFault(explain(answer.error));
  };
  return html`<${Dialog} title="Add a bookmark" onClose=${close} onSubmit=${submit} class="narrow"
    footer=${html`<button type="button" class="button" onClick=${close}>Cancel</button><button type="submit" class="button primary">Add</button>`}>
    <label class="input-label" for="bookmark-link">Link</label>
    <input id="bookmark-link" class="text-field" inputmode="url" placeholder="https://" value=${link} onInput=${(event) => setLink(event.target.value)} />
    ${fault && html`<div class="input-fault" role="alert">⚠ ${fault}</div>`}
    <label class="input-label" for="bookmark-title">Name</label>
    <input id="bookmark-title" class="text-field" value=${title} onInput=${(event) => setTitle(event.target.value)} />
  <//>`;
}
