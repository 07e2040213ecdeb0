// The side pane of a thread: its messages, live, and a composer of its own.
import { html, useEffect, useLayoutEffect, useRef } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import { useStore } from "../core/store.js";
import { channelName, nameOf, userOf } from "../text/authors.js";
import { Composer } from "./composer.js";
import { Message } from "./message.js";
import { continues } from "./message_list.js";
import { walkMessages } from "./walking.js";

const NONE = [];

export function ThreadPane({ channel, ts }) {
  const list = useStore((state) => state.threads[`${channel}:${ts}`]) ?? NONE;
  const hidden = useStore((state) => state.ephemerals[channel]) ?? NONE;
  const busy = useStore((state) => state.busy[`${channel}:${ts}`]);
  const room = useStore((state) => state.channels[channel]);
  const scroller = useRef(null);
  const pane = useRef(null);
  const stuck = useRef(true);
  const own = hidden.filter((message) => message.thread_ts === ts);
  const messages = [...list, ...own].sort((a, b) => (a.ts < b.ts ? -1 : 1));
  useLayoutEffect(() => {
    if (stuck.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [messages.length]);
  useEffect(() => pane.current.querySelector("textarea")?.focus(), []);
  // The browser tells of a scroll a frame later, when the pane may have been left.
  const scrolled = ({ currentTarget: view }) => {
    stuck.current = view.scrollHeight - view.scrollTop - view.clientHeight < 40;
  };
  const press = (event) => {
    if (event.key === "Escape" && !event.defaultPrevented) conversation.closeThread();
  };
  const [parent, ...replies] = messages;
  const count = list.length - 1;
  return html`<aside class="thread-pane" aria-label="Thread" ref=${pane} onKeyDown=${press}>
    <header class="thread-head"><h2>Thread</h2><span class="muted">${room?.is_im ? channelName(room) : `#${channelName(room)}`}</span>
      <button type="button" class="icon-button" aria-label="Close thread" onClick=${conversation.closeThread}>✕</button></header>
    <div class="message-scroll" ref=${scroller} onScroll=${scrolled}>
      ${!parent && html`<p class="starting">Loading…</p>`}
      <div class="message-list" role="list" aria-label="Thread messages" aria-live="polite" aria-relevant="additions" onKeyDown=${walkMessages}>
        ${parent && html`<${Message} channel=${channel} message=${parent} key=${parent.ts} inThread isLast=${!replies.length} />`}
        ${count > 0 && html`<div class="reply-count" role="listitem" key="count"><span>${count} ${count === 1 ? "reply" : "replies"}</span></div>`}
        ${replies.map((message, index) => html`<${Message} key=${message.ts} channel=${channel} message=${message} inThread
          compact=${index > 0 && continues(replies[index - 1], message)} isLast=${index === replies.length - 1} />`)}
      </div>
    </div>
    <div class="composer-wrap">
      ${busy && html`<div class="busy-line" role="status"><span class="spinner" aria-hidden="true"></span> ${nameOf(userOf(busy.user))} ${busy.status}</div>`}
      ${room?.is_archived
        ? html`<div class="muted">This channel is archived.</div>`
        : html`<${Composer} id="composer-thread" channel=${channel} thread=${ts} label="Reply…" broadcastLabel=${room?.is_im ? null : `Also send to #${channelName(room)}`} />`}
    </div>
  </aside>`;
}
