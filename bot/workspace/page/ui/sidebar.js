// The sidebar: channels, direct messages, apps; what is unread is bold, mentions are counted.
import { html, useState } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import { set, useStore } from "../core/store.js";
import { channelName, nameOf } from "../text/authors.js";
import { Avatar } from "./avatar.js";

function Row({ label, icon, isCurrent, unread, mentions, open, dim, children }) {
  const css = ["side-row", isCurrent && "current", unread && "unread", dim && "dim"].filter(Boolean).join(" ");
  return html`<li><button type="button" class=${css} aria-current=${isCurrent ? "page" : undefined} onClick=${open}>
    <span class="side-icon" aria-hidden="true">${icon}</span>
    <span class="side-label">${label}</span>${children}
    ${mentions ? html`<span class="badge" aria-hidden="true">${mentions}</span>` : null}
    ${unread ? html`<span class="sr">, ${mentions ? `${mentions} mentions` : "unread"}</span>` : null}
  </button></li>`;
}

function Section({ name, add, addLabel, children }) {
  const [open, setOpen] = useState(true);
  return html`<section class="side-section">
    <div class="side-head">
      <button type="button" class="side-fold" aria-expanded=${String(open)} onClick=${() => setOpen(!open)}>
        <span aria-hidden="true" class="side-caret">${open ? "▾" : "▸"}</span>${name}
      </button>
      ${add && html`<button type="button" class="side-add" aria-label=${addLabel} title=${addLabel} onClick=${add}>+</button>`}
    </div>
    ${open && html`<ul>${children}</ul>`}
  </section>`;
}

const byName = (a, b) => channelName(a).localeCompare(channelName(b), undefined, { numeric: true });

/** Whether a DM belongs in the list: people written with, the newest first, and oneself. */
const isTalk = (channel, appUsers) => channel.is_im && !appUsers.has(channel.user);

export function Sidebar() {
  const team = useStore((state) => state.team);
  const channels = useStore((state) => state.channels);
  const apps = useStore((state) => state.apps);
  const place = useStore((state) => state.place);
  const users = useStore((state) => state.users);
  const me = useStore((state) => state.me);
  const appUsers = new Set(apps.map((app) => app.bot_user_id));
  const all = Object.values(channels);
  const mine = all.filter((channel) => channel.is_member && !channel.is_im && !channel.is_archived).sort(byName);
  const talks = all.filter((channel) => isTalk(channel, appUsers) && users[channel.user]).sort(byName);
  const isCurrent = (id) => place?.kind === "channel" && place.id === id;
  return html`<nav class="sidebar" aria-label="Channels and apps">
    <h1 class="team-name">${team.name}</h1>
    <div class="side-scroll">
      <${Section} name="Channels" add=${() => set({ dialog: { kind: "browse" } })} addLabel="Browse channels">
        ${mine.map((channel) => html`<${Row} key=${channel.id} label=${channel.name} icon=${channel.is_private ? "🔒" : "#"} isCurrent=${isCurrent(channel.id)}
          unread=${channel.unread_count > 0} mentions=${channel.mention_count} open=${() => conversation.open(channel.id)} />`)}
      <//>
      <${Section} name="Direct messages" add=${() => set({ dialog: { kind: "people" } })} addLabel="New direct message">
        ${talks.map((channel) => html`<${Row} key=${channel.id} isCurrent=${isCurrent(channel.id)} unread=${channel.unread_count > 0}
          mentions=${channel.unread_count} open=${() => conversation.open(channel.id)}
          label=${channelName(channel)} icon=${html`<${Avatar} id=${channel.user} name=${channelName(channel)} size=${20} />`}>
          ${channel.user === me?.id && html`<span class="side-you">you</span>`}
        <//>`)}
      <//>
      <${Section} name="Apps">
        ${apps.map((app) => html`<${AppRow} key=${app.id} app=${app} place=${place} user=${users[app.bot_user_id]}
          talk=${all.find((channel) => channel.is_im && channel.user === app.bot_user_id)} />`)}
      <//>
    </div>
  </nav>`;
}

function AppRow({ app, place, talk, user }) {
  const isCurrent = place?.kind === "app" && place.id === app.id;
  const state = app.connected === false ? "not connected" : "connected";
  // As Slack does: an app with unread messages opens on them.
  const open = () => conversation.openApp(app.id, talk?.unread_count || app.home_tab === false ? "messages" : "home");
  return html`<${Row} label=${user ? nameOf(user) : app.name} isCurrent=${isCurrent} unread=${talk?.unread_count > 0} mentions=${talk?.unread_count} open=${open}
    icon=${html`<${Avatar} id=${app.bot_user_id} name=${app.name} size=${20} />`}>
    <span class=${`presence ${app.connected === false ? "gone" : ""}`} role="img" aria-label=${state} title=${`App ${state}`}></span>
  <//>`;
}
