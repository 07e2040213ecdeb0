// The message field: Enter sends, Shift+Enter breaks the line; commands, people, channels and emoji complete themselves.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";
import { builtIns } from "../core/built_ins.js";
import * as drafts from "../core/drafts.js";
import * as sending from "../core/sending.js";
import { get, useStore } from "../core/store.js";
import { Completions, useCompletion } from "./completion.js";
import { EmojiButton } from "./emoji_picker.js";
import { Formatting } from "./formatting.js";
import { MenuButton } from "./menu.js";

const TALLEST = 320; // px the field grows to

export function Composer({ id, channel, thread, label, broadcastLabel }) {
  const [draft] = useState(() => drafts.keyOf(thread ? `${channel}:${thread}` : channel));
  const [text, setText] = useState(() => drafts.read(draft));
  const [files, setFiles] = useState([]);
  const [broadcast, setBroadcast] = useState(false);
  const field = useRef(null);
  const chooser = useRef(null);
  const frame = useRef(null);
  const write = (next, caret) => {
    setText(next);
    drafts.write(draft, next);
    if (caret === undefined || !field.current) return;
    field.current.value = next; // at once: the next key must find the caret in its place
    field.current.setSelectionRange(caret, caret);
  };
  const completion = useCompletion({ field, text, write, channel, thread });

  useLayoutEffect(() => {
    field.current.style.height = "auto";
    field.current.style.height = `${Math.min(field.current.scrollHeight, TALLEST)}px`;
  }, [text]);
  useEffect(() => {
    if (!thread && !get().spotlight) field.current.focus({ preventScroll: true });
  }, []);

  const send = async () => {
    if (!text.trim() && !files.length) return;
    const [sent, attached] = [text, files];
    write("");
    setFiles([]);
    setBroadcast(false);
    const taken = await sending.send(channel, sent, { thread, broadcast, files: attached });
    if (taken) return;
    // What was not taken comes back, before whatever was typed meanwhile.
    write([sent, drafts.read(draft)].filter(Boolean).join("\n"));
    setFiles((now) => [...attached, ...now]);
    setBroadcast(broadcast);
  };
  const press = (event) => {
    if (completion.press(event)) return;
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  };
  const insert = (piece) => {
    const { selectionStart: start, selectionEnd: end } = field.current;
    write(text.slice(0, start) + piece + text.slice(end), start + piece.length);
    field.current.focus();
  };
  const attach = (list) => setFiles([...files, ...list]);
  const pasted = (event) => {
    if (event.clipboardData?.files.length) {
      event.preventDefault();
      attach(event.clipboardData.files);
    }
  };
  const dropped = (event) => {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    attach(event.dataTransfer.files);
  };
  const hint = usageHint(text);
  return html`<div ref=${frame} class="composer" onDragOver=${(event) => event.preventDefault()} onDrop=${dropped}>
    ${hint && html`<div class="usage" id=${`${id}-usage`}><b>${hint.command}</b> ${hint.usage_hint}<span class="muted"> ${hint.description}</span></div>`}
    <${Formatting} field=${field} text=${text} write=${write} />
    <textarea ref=${field} id=${id} class="composer-text" rows="1" value=${text} placeholder=${label} aria-label=${label}
      aria-autocomplete="list" aria-haspopup="listbox" aria-controls=${completion.isOpen ? `${id}-list` : undefined}
      aria-activedescendant=${completion.isOpen ? `${id}-list-${completion.active}` : undefined} aria-describedby=${hint ? `${id}-usage` : undefined}
      onInput=${(event) => { write(event.target.value); completion.look(); }} onKeyUp=${completion.moved} onClick=${completion.look} onBlur=${completion.close}
      onKeyDown=${press} onPaste=${pasted}></textarea>
    <${Completions} id=${`${id}-list`} anchor=${frame} completion=${completion} />
    ${files.length > 0 && html`<div class="attached">${files.map((file) => html`<span class="chip">📄 ${file.name}
      <button type="button" class="chip-remove" aria-label=${`Remove ${file.name}`} onClick=${() => setFiles(files.filter((other) => other !== file))}>×</button></span>`)}</div>`}
    <div class="composer-foot">
      <${MenuButton} class="icon-button plus" label="Attach or run a shortcut" title="Attach or run a shortcut" items=${() => plusMenu(channel, chooser)}><span aria-hidden="true">+</span><//>
      <${EmojiButton} class="icon-button" label="Emoji" pick=${(name) => insert(`:${name}: `)}>☺<//>
      <button type="button" class="icon-button" aria-label="Mention somebody" title="Mention somebody" onClick=${() => { insert("@"); requestAnimationFrame(completion.look); }}><span aria-hidden="true">@</span></button>
      <input ref=${chooser} type="file" multiple hidden onChange=${(event) => attach(event.target.files)} />
      ${broadcastLabel && html`<label class="broadcast"><input type="checkbox" checked=${broadcast} onChange=${(event) => setBroadcast(event.target.checked)} /> ${broadcastLabel}</label>`}
      <button type="button" class=${`send ${text.trim() || files.length ? "ready" : ""}`} aria-label="Send" title="Send (Enter)" onClick=${send}><span aria-hidden="true">➤</span></button>
    </div>
  </div>`;
}

function plusMenu(channel, chooser) {
  const { shortcuts, apps } = get();
  const own = shortcuts.filter((shortcut) => shortcut.type === "global");
  return [
    { label: "Upload from this computer", icon: "📎", run: () => chooser.current.click() },
    own.length && { divider: true },
    own.length && { heading: "Shortcuts" },
    ...own.map((shortcut) => ({ label: shortcut.name, hint: apps.find((app) => app.id === shortcut.app_id)?.name, icon: "⚡", run: () => sending.shortcut(shortcut, channel) })),
  ];
}

/** The command whose arguments are being typed. */
function usageHint(text) {
  const match = text.match(/^(\/[\w-]+)\s/);
  if (!match) return null;
  const own = builtIns[match[1]];
  return get().commands.find(({ command }) => command === match[1]) ?? (own && { command: match[1], ...own });
}
