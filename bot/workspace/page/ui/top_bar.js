// The bar on top: jump to anything, look of the page, and the switch for who one is.
import { html, useEffect } from "../vendor/preact-htm.js";
import * as session from "../core/session.js";
import { useStore } from "../core/store.js";
import * as theme from "../core/theme.js";
import { nameOf } from "../text/authors.js";
import { Avatar } from "./avatar.js";
import { openSwitcher } from "./jump.js";
import { MenuButton } from "./menu.js";

function themes() {
  const choices = [["system", "As the system"], ["light", "Light"], ["dark", "Dark"]];
  return [
    { heading: "Appearance" },
    ...choices.map(([value, label]) => ({ label, checked: theme.chosen() === value, run: () => theme.choose(value) })),
  ];
}

function WhoAmI() {
  const me = useStore((state) => state.me);
  const users = useStore((state) => state.users);
  if (!me) return null;
  const people = Object.values(users).filter((user) => !user.is_bot && !user.deleted);
  const items = [
    { heading: "Who am I?" },
    ...people.map((user) => ({
      label: nameOf(user),
      hint: user.profile?.title,
      icon: html`<${Avatar} id=${user.id} name=${nameOf(user)} size=${28} />`,
      checked: user.id === me.id,
      run: () => user.id !== me.id && session.enter(user.id),
    })),
  ];
  return html`<${MenuButton} class="who" items=${items} align="end" label=${`You are ${nameOf(me)}. Switch person`} data-person=${me.id}>
    <${Avatar} id=${me.id} name=${nameOf(me)} size=${26} />
    <span class="who-name">${nameOf(me)}</span><span aria-hidden="true">▾</span>
  <//>`;
}

function useTitle() {
  const team = useStore((state) => state.team);
  const channels = useStore((state) => state.channels);
  const all = Object.values(channels);
  const mentions = all.reduce((sum, channel) => sum + (channel.mention_count ?? 0), 0);
  const unread = all.some((channel) => channel.unread_count);
  useEffect(() => {
    document.title = `${mentions ? `(${mentions}) ` : unread ? "* " : ""}${team.name || "Workspace"}`;
  }, [mentions, unread, team.name]);
}

export function TopBar() {
  useTitle();
  const team = useStore((state) => state.team);
  return html`<header class="top-bar">
    <div class="team-mark" aria-hidden="true">${(team.name || "W")[0]}</div>
    <button type="button" class="jump" onClick=${openSwitcher} aria-keyshortcuts="Control+K">
      <span aria-hidden="true">⌕</span> Jump to a channel, a person or an app <kbd>Ctrl K</kbd>
    </button>
    <div class="top-right">
      <${MenuButton} class="top-button" items=${themes} align="end" label="Appearance" title="Light or dark"><span aria-hidden="true">◐</span><//>
      <${WhoAmI} />
    </div>
  </header>`;
}
