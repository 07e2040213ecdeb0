// One message: who, when, what; files, reactions, and the thread below it.
import { Component, html, useState } from "../vendor/preact-htm.js";
import { Blocks } from "../blocks/block.js";
import * as conversation from "../core/conversation.js";
import { ofMessage, Surface } from "../core/surface.js";
import { set, useStore } from "../core/store.js";
import { authorName, isApp, nameOf, userOf } from "../text/authors.js";
import { character } from "../text/emoji.js";
import { clock, exact, shortClock, whenReplied } from "../text/dates.js";
import { isJumbo, Mrkdwn } from "../text/mrkdwn.js";
import { Attachments } from "./attachments.js";
import { Avatar } from "./avatar.js";
import { FileCard } from "./files.js";
import { MessageActions } from "./message_actions.js";
import { MessageEditor } from "./message_editor.js";
import { isSystem, SystemLine } from "./system_line.js";
import { Reactions } from "./reactions.js";

function Stamp({ message, short }) {
  return html`<time class=${short ? "gutter-time" : "stamp"} title=${exact(message.ts)}>${short ? shortClock(message.ts) : clock(message.ts)}</time>`;
}

export function Text({ message }) {
  if (isSystem(message)) return html`<${SystemLine} message=${message} />`;
  if (message.blocks?.length) return html`<${Blocks} blocks=${message.blocks} />`;
  if (!message.text) return null;
  const shown = message.mrkdwn === false ? html`<div class="plain">${message.text}</div>` : html`<${Mrkdwn} text=${message.text} />`;
  return html`<div class=${isJumbo(message.text) ? "jumbo" : ""}>${shown}</div>`;
}

function Head({ message }) {
  const known = userOf(message.user);
  const show = () => set({ dialog: { kind: "profile", id: message.user } });
  return html`<div class="message-head">
    ${known && !message.username
      ? html`<button type="button" class="author" onClick=${show}>${authorName(message)}</button>`
      : html`<span class="author">${authorName(message)}</span>`}
    ${isApp(message) && html`<span class="app-badge">APP</span>`}
    <${Stamp} message=${message} />
  </div>`;
}

function glyphOf(message) {
  const emoji = message.icons?.emoji;
  return emoji ? (character(emoji.replaceAll(":", "")) ?? null) : null;
}

/**
 * A message that is drawn anew only when something about it changed: an incident's channel is long and lively.
 * Props: compact (no head), inThread, quiet (no actions), isLast (in the tab order), isLit.
 */
export class Message extends Component {
  shouldComponentUpdate(next) {
    return Object.keys({ ...this.props, ...next }).some((name) => next[name] !== this.props[name]);
  }

  render(props) {
    return html`<${Drawn} ...${props} />`;
  }
}

function Drawn({ channel, message, compact, inThread, quiet, isLast, isLit }) {
  const [editing, setEditing] = useState(false);
  const pinnedBy = message.pinned_to?.includes(channel) && !quiet;
  const mentionsMe = useStore((state) => Boolean(state.me && !isSystem(message) && message.text?.includes(`<@${state.me.id}`)));
  const css = [
    "message", compact && "compact", message.is_ephemeral && "ephemeral", pinnedBy && "pinned",
    isSystem(message) && "system", mentionsMe && "mentions-me", isLit && "lit",
  ].filter(Boolean).join(" ");
  const isTombstone = message.subtype === "tombstone";
  const name = authorName(message);
  return html`<div class=${css} role="listitem" data-ts=${message.ts} tabindex=${isLast ? "0" : "-1"} aria-label=${`${name}, ${exact(message.ts)}`}>
    ${pinnedBy && html`<div class="message-note"><span aria-hidden="true">📌</span> Pinned</div>`}
    ${message.is_ephemeral && html`<div class="message-note"><span aria-hidden="true">👁</span> Only visible to you</div>`}
    ${message.subtype === "thread_broadcast" && !inThread && html`<${Broadcast} channel=${channel} message=${message} />`}
    <div class="message-row">
      <div class="gutter">${compact
        ? html`<${Stamp} message=${message} short />`
        : html`<${Avatar} id=${message.user} name=${name} size=${36} image=${message.icons?.image_48} glyph=${glyphOf(message)} />`}</div>
      <div class="message-main">
        ${!compact && html`<${Head} message=${message} />`}
        ${editing
          ? html`<${MessageEditor} channel=${channel} message=${message} close=${() => setEditing(false)} />`
          : html`<${Surface.Provider} value=${ofMessage(channel, message)}>
              <div class=${isTombstone ? "muted" : "message-text"}><${Text} message=${message} />${message.edited && html` <span class="edited" title=${exact(message.edited.ts)}>(edited)</span>`}</div>
              <${Attachments} attachments=${message.attachments} />
            <//>`}
        ${message.files?.map((file) => html`<${FileCard} key=${file.id} file=${file} />`)}
        <${Reactions} channel=${channel} message=${message} />
        ${!inThread && message.reply_count > 0 && html`<${ThreadSummary} channel=${channel} message=${message} />`}
        ${message.is_ephemeral && html`<${Dismiss} channel=${channel} message=${message} />`}
      </div>
    </div>
    ${!quiet && !editing && !isTombstone && html`<${MessageActions} channel=${channel} message=${message} inThread=${inThread} edit=${() => setEditing(true)} />`}
  </div>`;
}

function Dismiss({ channel, message }) {
  return html`<button type="button" class="link-button dismiss" onClick=${() => conversation.dismiss(channel, message.ts)}>Dismiss message</button>`;
}

function Broadcast({ channel, message }) {
  return html`<div class="message-note">replied to <button type="button" class="link-button" onClick=${() => conversation.openThread(channel, message.thread_ts)}>a thread</button></div>`;
}

function ThreadSummary({ channel, message }) {
  const busy = useStore((state) => state.busy[`${channel}:${message.ts}`]);
  useStore((state) => state.minute);
  const count = message.reply_count;
  return html`<button type="button" class="thread-summary" onClick=${() => conversation.openThread(channel, message.ts)}>
    <span class="thread-faces">${(message.reply_users ?? []).slice(0, 5).map((id) => html`<${Avatar} key=${id} id=${id} name=${nameOf(userOf(id))} size=${24} />`)}</span>
    <span class="thread-count">${count} ${count === 1 ? "reply" : "replies"}</span>
    <span class="thread-last">${busy ? `${nameOf(userOf(busy.user))} ${busy.status}` : `Last reply ${whenReplied(message.latest_reply)}`}</span>
  </button>`;
}
