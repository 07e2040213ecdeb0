// Links and mentions inside texts: people, groups, channels, dates.
import { html } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import { permalink } from "../core/route.js";
import { set, useStore } from "../core/store.js";
import { channelName, nameOf, userOf } from "./authors.js";
import { byTemplate, dateOf } from "./dates.js";

const SAFE = /^(https?|mailto|tel|slack):/i;

/** A link: inside this workspace it moves the page, elsewhere it opens a tab; unsafe schemes stay text. */
export function Link({ url, children, class: name }) {
  if (!SAFE.test(url ?? "")) return html`<span class=${name}>${children}</span>`;
  const inside = permalink(url);
  const go = (event) => {
    if (!inside || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    conversation.follow(url);
  };
  return html`<a class=${name} href=${url} target="_blank" rel="noopener noreferrer" onClick=${go}>${children}</a>`;
}

/** Open what a button's `url` points to. */
export function openAddress(url) {
  if (!SAFE.test(url) || conversation.follow(url)) return;
  window.open(url, "_blank", "noopener,noreferrer");
}

/** @person */
export function UserMention({ id, label }) {
  const known = useStore((state) => state.users[id]);
  const isMe = useStore((state) => state.me?.id === id);
  const name = known ? nameOf(known) : (label ?? (userOf(id) ? nameOf(userOf(id)) : id));
  const show = () => set({ dialog: { kind: "profile", id } });
  return html`<button type="button" class=${`mention ${isMe ? "mention-me" : ""}`} onClick=${show}>@${name}</button>`;
}

/** #channel */
export function ChannelMention({ id, label }) {
  const known = useStore((state) => state.channels[id]);
  if (!known && !label) return html`<span class="mention mention-dead" title="You are not in this channel">🔒 private channel</span>`;
  if (!known) return html`<span class="mention mention-dead">#${label}</span>`;
  return html`<button type="button" class="mention" onClick=${() => conversation.visit(id)}>
    ${known.is_private ? "🔒" : "#"}${channelName(known)}
  </button>`;
}

/** @here, @channel, @everyone */
export const Broadcast = ({ range }) => html`<span class="mention mention-me">@${range}</span>`;

/** @group */
export function GroupMention({ id, label }) {
  const group = useStore((state) => state.usergroups[id]);
  const isMine = useStore((state) => Boolean(group?.users?.includes(state.me?.id)));
  return html`<span class=${`mention ${isMine ? "mention-me" : ""}`}>@${group?.handle ?? label?.replace(/^@/, "") ?? id}</span>`;
}

/** A moment in the reader's own time; the tooltip says it in full. */
export function Moment({ seconds, template, url, fallback }) {
  useStore((state) => state.minute);
  const written = byTemplate(seconds, template) ?? fallback;
  const full = Number.isFinite(Number(seconds)) ? dateOf(seconds).toLocaleString() : undefined;
  const shown = html`<time title=${full}>${written}</time>`;
  return url ? html`<${Link} url=${url}>${shown}<//>` : shown;
}
