// A channel or DM: header, tabs with bookmarks, what the chosen tab shows, and the composer.
import { html, useState } from "../vendor/preact-htm.js";
import { call, explain } from "../core/api.js";
import * as conversation from "../core/conversation.js";
import { notify } from "../core/notices.js";
import * as sending from "../core/sending.js";
import { set, useStore } from "../core/store.js";
import { channelName, nameOf, userOf } from "../text/authors.js";
import { Link } from "../text/links.js";
import { Mrkdwn } from "../text/mrkdwn.js";
import { Avatar } from "./avatar.js";
import { Canvas } from "./canvas.js";
import { Composer } from "./composer.js";
import { FilesTab } from "./files.js";
import { MenuButton } from "./menu.js";
import { MessageList } from "./message_list.js";
import { PinsTab } from "./pins.js";
import { Tabs } from "./tabs.js";

export function ChannelView({ id, tab }) {
  const channel = useStore((state) => state.channels[id]);
  if (!channel) return html`<p class="starting">This channel is not here any more.</p>`;
  return html`<${ChannelHeader} channel=${channel} />
    <${ChannelTabs} channel=${channel} tab=${tab} />
    <div class="panel" role="tabpanel" id="channel-panel" aria-label=${channelName(channel)}>
      ${tab === "canvas" && channel.properties?.canvas
        ? html`<div class="tab-scroll"><${Canvas} id=${channel.properties.canvas.file_id} /></div>`
        : tab === "files"
          ? html`<${FilesTab} channel=${id} />`
          : tab === "pins"
            ? html`<${PinsTab} channel=${id} />`
            : html`<${MessageList} channel=${id} />`}
    </div>
    ${tab === "messages" || !tab ? html`<${Foot} channel=${channel} />` : null}`;
}

function ChannelHeader({ channel }) {
  const details = (tab) => set({ dialog: { kind: "details", id: channel.id, tab } });
  const pins = useStore((state) => state.pins[channel.id]);
  const name = channelName(channel);
  if (channel.is_im) {
    const show = () => set({ dialog: { kind: "profile", id: channel.user } });
    return html`<header class="channel-header"><h2><button type="button" class="channel-name" onClick=${show}>
      <${Avatar} id=${channel.user} name=${name} size=${24} /> ${name}</button></h2></header>`;
  }
  const leave = async () => {
    const answer = await call("conversations.leave", { channel: channel.id });
    if (!answer.ok) notify(explain(answer.error));
  };
  const menu = [
    { label: "Open channel details", run: () => details("about") },
    { label: "Edit topic", run: () => set({ dialog: { kind: "topic", what: "topic", id: channel.id } }) },
    { label: "Add people", run: () => details("members") },
    { label: "Add a bookmark", run: () => set({ dialog: { kind: "bookmark", id: channel.id } }) },
    channel.is_member && !channel.is_general && { divider: true },
    channel.is_member && !channel.is_general && { label: "Leave channel", danger: true, run: leave },
  ];
  return html`<header class="channel-header">
    <h2><button type="button" class="channel-name" title="Channel details" onClick=${() => details("about")}>
      <span aria-hidden="true">${channel.is_private ? "🔒" : "#"}</span> ${name}${channel.is_private ? html`<span class="sr"> (private)</span>` : null}</button></h2>
    ${channel.is_archived && html`<span class="archived">archived</span>`}
    <${Topic} channel=${channel} />
    <div class="header-right">
      <button type="button" class="header-button" aria-label=${`${channel.num_members ?? ""} members`} title="Members" onClick=${() => details("members")}>
        <span aria-hidden="true">👥 ${channel.num_members ?? ""}</span></button>
      ${pins?.length > 0 && html`<button type="button" class="header-button" aria-label=${`${pins.length} pinned`} title="Pins"
        onClick=${() => conversation.open(channel.id, "pins")}><span aria-hidden="true">📌 ${pins.length}</span></button>`}
      <${MenuButton} class="header-button" items=${menu} label="More about this channel" align="end"><span aria-hidden="true">⋮</span><//>
    </div>
  </header>`;
}

function Topic({ channel }) {
  const edit = () => set({ dialog: { kind: "topic", what: "topic", id: channel.id } });
  const topic = channel.topic?.value;
  return html`<div class="topic">
    ${topic && html`<${Mrkdwn} text=${topic.replaceAll("\n", " ")} />`}
    <button type="button" class="topic-edit" onClick=${edit}>${topic ? "Edit topic" : "Add a topic"}</button>
  </div>`;
}

function ChannelTabs({ channel, tab }) {
  const pins = useStore((state) => state.pins[channel.id]);
  const bookmarks = useStore((state) => state.bookmarks[channel.id]);
  const tabs = [
    ["messages", "Messages"],
    channel.properties?.canvas && ["canvas", "Canvas"],
    ["files", "Files"],
    ["pins", `Pins${pins?.length ? ` ${pins.length}` : ""}`],
  ].filter(Boolean);
  return html`<div class="channel-bar">
    <${Tabs} tabs=${tabs} chosen=${tab ?? "messages"} choose=${(next) => conversation.open(channel.id, next)} label="Channel" id="channel" />
    ${!channel.is_im && html`<ul class="bookmarks" aria-label="Bookmarks">
      ${(bookmarks ?? []).map((bookmark) => html`<li key=${bookmark.id}><${Link} class="bookmark" url=${bookmark.link}>
        <${BookmarkMark} bookmark=${bookmark} />${bookmark.title}<//></li>`)}
      <li><button type="button" class="bookmark-add" aria-label="Add a bookmark" title="Add a bookmark" onClick=${() => set({ dialog: { kind: "bookmark", id: channel.id } })}>+</button></li>
    </ul>`}
  </div>`;
}

function BookmarkMark({ bookmark }) {
  const glyph = bookmark.emoji ? html`<${Mrkdwn} text=${bookmark.emoji.startsWith(":") ? bookmark.emoji : `:${bookmark.emoji}:`} />` : "🔗";
  return html`<span class="bookmark-mark" aria-hidden="true">${glyph}</span>`;
}

function Foot({ channel }) {
  const [joining, setJoining] = useState(false);
  const join = async () => {
    setJoining(true);
    await sending.join(channel.id);
    setJoining(false);
  };
  if (channel.is_archived) return html`<div class="join-bar">You are looking at <b>#${channel.name}</b>, an archived channel.</div>`;
  if (channel.is_member === false) {
    return html`<div class="join-bar"><span>You are looking at <b>#${channel.name}</b></span>
      <button type="button" class=${`button primary ${joining ? "busy" : ""}`} onClick=${join}>Join channel</button></div>`;
  }
  const to = channel.is_im ? nameOf(userOf(channel.user)) : `#${channel.name}`;
  return html`<div class="composer-wrap"><${Composer} id="composer-main" channel=${channel.id} label=${`Message ${to}`} /></div>`;
}
