// Who somebody is.
import { html } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import { useStore } from "../core/store.js";
import { nameOf, userOf } from "../text/authors.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";

export function ProfileDialog({ id, close }) {
  const known = useStore((state) => state.users[id]);
  const user = known ?? userOf(id);
  const write = () => {
    close();
    conversation.openDirect(id);
  };
  const zone = user?.tz && new Intl.DateTimeFormat(undefined, { timeZone: user.tz, hour: "numeric", minute: "2-digit" }).format(new Date());
  const facts = [["Title", user?.profile?.title], ["Handle", user?.name && `@${user.name}`], ["Email", user?.profile?.email], ["Local time", zone && `${zone} (${user.tz})`], ["Member ID", id]];
  return html`<${Dialog} title="Profile" onClose=${close} class="narrow"
    footer=${known && html`<button type="button" class="button primary" onClick=${write}>Message</button>`}>
    <div class="profile-head"><${Avatar} id=${id} name=${nameOf(user)} size=${72} />
      <div><div class="profile-name">${nameOf(user)}</div>${user?.is_bot ? html`<span class="app-badge">APP</span>` : null}</div>
    </div>
    <dl class="facts">${facts.filter(([, value]) => value).map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
  <//>`;
}
