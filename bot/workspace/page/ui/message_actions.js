// The toolbar over a message: quick reactions, reply, and the menu with shortcuts, pins, edits.
import { html } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import * as sending from "../core/sending.js";
import { get, set, useStore } from "../core/store.js";
import { character } from "../text/emoji.js";
import { EmojiButton } from "./emoji_picker.js";
import { MenuButton } from "./menu.js";

const QUICK = ["white_check_mark", "eyes", "raised_hands"];

function menu(channel, message, { edit, inThread }) {
  const { me, shortcuts, apps } = get();
  const isMine = message.user === me.id;
  const isPinned = message.pinned_to?.includes(channel);
  const own = shortcuts.filter((shortcut) => shortcut.type === "message");
  const appName = (id) => apps.find((app) => app.id === id)?.name;
  return [
    !inThread && { label: "Mark unread", run: () => conversation.markUnread(channel, message.ts) },
    { label: "Copy link", run: () => sending.copyLink(channel, message) },
    isPinned
      ? { label: "Unpin from channel", run: () => sending.unpin(channel, message) }
      : { label: "Pin to channel", run: () => sending.pin(channel, message) },
    isMine && { divider: true },
    isMine && { label: "Edit message", run: edit },
    isMine && { label: "Delete message…", danger: true, run: () => set({ dialog: { kind: "delete", id: message.ts, channel, message } }) },
    own.length && { divider: true },
    own.length && { heading: "Message shortcuts" },
    ...own.map((shortcut) => ({ label: shortcut.name, hint: appName(shortcut.app_id), icon: "⚡", run: () => sending.shortcut(shortcut, channel, message) })),
  ];
}

export function MessageActions({ channel, message, inThread, edit }) {
  const isMember = useStore((state) => state.channels[channel]?.is_member !== false);
  if (message.is_ephemeral || !isMember) return null;
  const reply = () => conversation.openThread(channel, message.thread_ts ?? message.ts);
  return html`<div class="message-actions" role="toolbar" aria-label="Message actions">
    ${QUICK.map((name) => html`<button type="button" key=${name} class="icon-button" aria-label=${`React with ${name}`} title=${`:${name}:`}
      onClick=${() => sending.react(channel, message, name)}><span aria-hidden="true">${character(name)}</span></button>`)}
    <${EmojiButton} class="icon-button" label="Find another reaction" pick=${(name) => sending.react(channel, message, name)}>☺<sup>+</sup><//>
    ${!inThread && html`<button type="button" class="icon-button" aria-label="Reply in thread" title="Reply in thread" onClick=${reply}><span aria-hidden="true">💬</span></button>`}
    <${MenuButton} class="icon-button" label="More actions" title="More actions" align="end" items=${() => menu(channel, message, { edit, inThread })}><span aria-hidden="true">⋮</span><//>
  </div>`;
}
