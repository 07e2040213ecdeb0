// A channel's messages: days, groups, what is new, and the scroll that stays at the end or where one reads.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import { set, useStore } from "../core/store.js";
import { channelName } from "../text/authors.js";
import { dayKey, dayName } from "../text/dates.js";
import { Message } from "./message.js";
import { isSystem, together } from "./system_line.js";
import { walkMessages } from "./walking.js";

const GROUP = 300; // seconds within which one author's messages stand together
const AT_END = 40; // px from the bottom that still count as being there
const AT_START = 200; // px from the top where older messages are loaded

const NONE = [];

/** Whether a message continues the one before it, so that name and picture are not repeated. */
export function continues(before, message) {
  return (
    Boolean(before) &&
    before.user === message.user &&
    before.username === message.username &&
    Boolean(before.is_ephemeral) === Boolean(message.is_ephemeral) &&
    !isSystem(before) && !isSystem(message) &&
    !before.reply_count && message.subtype !== "thread_broadcast" &&
    dayKey(before.ts) === dayKey(message.ts) &&
    Number(message.ts) - Number(before.ts) < GROUP
  );
}

const merge = (list, ephemerals) =>
  [...list, ...ephemerals.filter((message) => !message.thread_ts)].sort((a, b) => (a.ts < b.ts ? -1 : 1));

export function MessageList({ channel }) {
  const box = useStore((state) => state.messages[channel]);
  const ephemerals = useStore((state) => state.ephemerals[channel]) ?? NONE;
  const spotlight = useStore((state) => state.spotlight);
  const scroller = useRef(null);
  const stuck = useRef(true);
  const anchor = useRef(null);
  const [behind, setBehind] = useState(false);
  const messages = box ? together(merge(box.list, ephemerals)) : [];
  const last = messages.at(-1)?.ts;

  useLayoutEffect(() => {
    const view = scroller.current;
    if (!view) return;
    if (anchor.current) {
      view.scrollTop += view.scrollHeight - anchor.current;
      anchor.current = null;
    } else if (stuck.current) view.scrollTop = view.scrollHeight;
    else setBehind(true);
  }, [messages.length, last, channel]);

  // Messages that grow while they are shown (an edit, a picture) must not push the end out of sight.
  useEffect(() => {
    const grown = new ResizeObserver(() => {
      if (stuck.current && scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
    });
    if (scroller.current) grown.observe(scroller.current.firstElementChild), grown.observe(scroller.current);
    return () => grown.disconnect();
  }, [channel, Boolean(box)]);

  useEffect(() => {
    if (!spotlight || !box) return undefined;
    const row = scroller.current.querySelector(`[data-ts="${spotlight}"]`);
    stuck.current = !row && stuck.current;
    row?.scrollIntoView({ block: "center" });
    row?.focus();
    const timer = setTimeout(() => set({ spotlight: null }), 3000);
    return () => clearTimeout(timer);
  }, [spotlight, Boolean(box)]);

  // The browser tells of a scroll a frame later, when the pane may have been left.
  const scrolled = ({ currentTarget: view }) => {
    stuck.current = view.scrollHeight - view.scrollTop - view.clientHeight < AT_END;
    if (stuck.current) setBehind(false);
    if (view.scrollTop < AT_START && box?.more && !box.loading) older();
  };
  const older = () => {
    anchor.current = scroller.current.scrollHeight;
    conversation.loadOlder(channel);
  };
  const toEnd = () => {
    stuck.current = true;
    scroller.current.scrollTop = scroller.current.scrollHeight;
    setBehind(false);
  };

  if (!box) return html`<p class="starting">Loading messages…</p>`;
  return html`<div class="message-scroll" ref=${scroller} onScroll=${scrolled}>
      <div class="message-column">
        ${box.fault && html`<p class="starting" role="alert">${box.fault}</p>`}
        ${box.more ? html`<p class="starting"><button type="button" class="link-button" onClick=${older}>${box.loading ? "Loading older messages…" : "Show older messages"}</button></p>` : html`<${Beginning} id=${channel} />`}
        <div class="message-list" role="list" aria-label="Messages" aria-live="polite" aria-relevant="additions" aria-busy=${String(Boolean(box.loading))} onKeyDown=${walkMessages}>
          ${rows(messages, box.unreadFrom, channel, spotlight)}
        </div>
      </div>
    </div>
    ${behind && html`<button type="button" class="to-end" onClick=${toEnd}>↓ New messages</button>`}`;
}

function rows(messages, unreadFrom, channel, spotlight) {
  const out = [];
  let marked = false;
  for (const [index, message] of messages.entries()) {
    const before = messages[index - 1];
    if (!before || dayKey(before.ts) !== dayKey(message.ts)) {
      out.push(html`<div class="day" role="listitem" key=${`day-${dayKey(message.ts)}`}><span>${dayName(message.ts)}</span></div>`);
    }
    const isFirstUnread = unreadFrom && !marked && message.ts > unreadFrom && !message.is_ephemeral;
    if (isFirstUnread) {
      marked = true;
      out.push(html`<div class="new-mark" role="listitem" key="new"><span>New</span></div>`);
    }
    out.push(html`<${Message} key=${message.ts} channel=${channel} message=${message} isLit=${spotlight === message.ts}
      compact=${!isFirstUnread && continues(before, message)} isLast=${index === messages.length - 1} />`);
  }
  return out;
}

function Beginning({ id }) {
  const channel = useStore((state) => state.channels[id]);
  const name = channelName(channel);
  if (channel?.is_im) return html`<div class="beginning"><h3>${name}</h3><p>This is the beginning of your direct messages with <b>${name}</b>.</p></div>`;
  return html`<div class="beginning"><h3>${channel?.is_private ? "🔒" : "#"} ${name}</h3>
    <p>This is the very beginning of the <b>${name}</b> channel. ${channel?.purpose?.value}</p></div>`;
}
