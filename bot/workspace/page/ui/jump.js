// Jump to anything by name (Ctrl K).
import { html, useState } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import { get, set } from "../core/store.js";
import { channelName, nameOf } from "../text/authors.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";

export const openSwitcher = () => set({ dialog: { kind: "jump" } });

const MOST = 12; // entries shown

function targets() {
  const { channels, users, apps, me } = get();
  const rooms = Object.values(channels)
    .filter((channel) => !channel.is_im)
    .map((channel) => ({ name: channelName(channel), icon: channel.is_private ? "🔒" : "#", unread: channel.unread_count, run: () => conversation.open(channel.id) }));
  const people = Object.values(users)
    .filter((user) => !user.is_bot)
    .map((user) => ({
      name: nameOf(user) + (user.id === me.id ? " (you)" : ""),
      hint: user.name,
      icon: html`<${Avatar} id=${user.id} name=${nameOf(user)} size=${20} />`,
      run: () => conversation.openDirect(user.id),
    }));
  const homes = apps.map((app) => ({
    name: app.name,
    hint: "App",
    icon: html`<${Avatar} id=${app.bot_user_id} name=${app.name} size=${20} />`,
    run: () => conversation.openApp(app.id, app.home_tab === false ? "messages" : "home"),
  }));
  return [...rooms.sort((a, b) => (b.unread ?? 0) - (a.unread ?? 0)), ...people, ...homes];
}

export function JumpDialog({ close }) {
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const wanted = query.trim().toLowerCase().replace(/^[#@]/, "");
  const found = targets().filter((target) => `${target.name} ${target.hint ?? ""}`.toLowerCase().includes(wanted)).slice(0, MOST);
  const go = (target) => {
    close();
    target?.run();
  };
  const press = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    setActive((active + step + found.length) % Math.max(1, found.length));
  };
  return html`<${Dialog} title="Jump to" onClose=${close} onSubmit=${() => go(found[active])} class="jump-dialog">
    <input class="text-field" role="combobox" aria-expanded="true" aria-controls="jump-list" aria-label="Channel, person or app"
      aria-activedescendant=${found[active] ? `jump-${active}` : undefined} placeholder="Channel, person or app" value=${query} autocomplete="off"
      onInput=${(event) => setQuery(event.target.value) ?? setActive(0)} onKeyDown=${press} />
    <div role="listbox" id="jump-list" class="listbox" aria-label="Results">
      ${found.map((target, index) => html`<div role="option" id=${`jump-${index}`} aria-selected=${String(index === active)}
        class=${`option ${index === active ? "active" : ""}`} onClick=${() => go(target)}>
        <span class="jump-target"><span class="side-icon" aria-hidden="true">${target.icon}</span>${target.name}<span class="option-hint">${target.hint}</span></span>
      </div>`)}
      ${!found.length && html`<div class="listbox-hint" role="status">Nothing of that name.</div>`}
    </div>
  <//>`;
}
