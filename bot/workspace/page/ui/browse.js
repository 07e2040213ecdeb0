// Finding channels and people: browse, create, write to somebody.
import { html, useState } from "../vendor/preact-htm.js";
import { call, explain } from "../core/api.js";
import * as conversation from "../core/conversation.js";
import { put, set, useStore } from "../core/store.js";
import { nameOf } from "../text/authors.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";

function useFilter(label) {
  const [query, setQuery] = useState("");
  const field = html`<input class="text-field" type="search" aria-label=${label} placeholder=${label} value=${query} onInput=${(event) => setQuery(event.target.value)} />`;
  return [(text) => text.toLowerCase().includes(query.trim().toLowerCase()), field];
}

/** All channels one may see, with a way in. */
export function BrowseDialog({ close }) {
  const channels = useStore((state) => state.channels);
  const [fits, field] = useFilter("Search channels");
  const shown = Object.values(channels)
    .filter((channel) => !channel.is_im && fits(channel.name ?? ""))
    .sort((a, b) => a.name.localeCompare(b.name));
  const open = (id) => {
    close();
    conversation.open(id);
  };
  return html`<${Dialog} title="Browse channels" onClose=${close}>
    <div class="row-between">${field}<button type="button" class="button" onClick=${() => set({ dialog: { kind: "create" } })}>Create a channel</button></div>
    <ul class="plain-list">
      ${shown.map((channel) => html`<li key=${channel.id}><button type="button" class="list-row" onClick=${() => open(channel.id)}>
        <span><b>${channel.is_private ? "🔒 " : "# "}${channel.name}</b>
          <span class="muted block">${[channel.is_member && "Joined", channel.is_archived && "Archived", channel.num_members && `${channel.num_members} members`, channel.purpose?.value].filter(Boolean).join(" · ")}</span>
        </span>
      </button></li>`)}
    </ul>
  <//>`;
}

/** A new channel. */
export function CreateDialog({ close }) {
  const [name, setName] = useState("");
  const [secret, setSecret] = useState(false);
  const [fault, setFault] = useState(null);
  const submit = async () => {
    const answer = await call("conversations.create", { name: name.trim(), is_private: secret });
    if (!answer.ok) return setFault(explain(answer.error));
    put("channels", answer.channel.id, (known) => ({ ...answer.channel, is_member: true, ...known }));
    close();
    return conversation.open(answer.channel.id);
  };
  const type = (event) => setName(event.target.value.toLowerCase().replace(/\s/g, "-"));
  return html`<${Dialog} title="Create a channel" onClose=${close} onSubmit=${submit} footer=${html`<button type="submit" class="button primary">Create</button>`}>
    <label class="input-label" for="channel-name">Name</label>
    <input id="channel-name" class="text-field" maxlength="80" value=${name} onInput=${type} aria-describedby=${fault ? "channel-fault" : undefined} />
    ${fault && html`<div class="input-fault" id="channel-fault" role="alert">⚠ ${fault}</div>`}
    <label class="choice"><input type="checkbox" checked=${secret} onChange=${(event) => setSecret(event.target.checked)} /><span>Private: only invited people see it</span></label>
  <//>`;
}

/** Everybody, to write to. */
export function PeopleDialog({ close }) {
  const users = useStore((state) => state.users);
  const [fits, field] = useFilter("Search people");
  const shown = Object.values(users).filter((user) => !user.deleted && fits(`${nameOf(user)} ${user.name}`));
  const open = (id) => {
    close();
    conversation.openDirect(id);
  };
  return html`<${Dialog} title="New message" onClose=${close}>
    ${field}
    <ul class="plain-list">
      ${shown.map((user) => html`<li key=${user.id}><button type="button" class="list-row" onClick=${() => open(user.id)}>
        <${Avatar} id=${user.id} name=${nameOf(user)} size=${28} />
        <span><b>${nameOf(user)}</b>${user.is_bot ? html` <span class="app-badge">APP</span>` : null}<span class="muted block">${user.profile?.title}</span></span>
      </button></li>`)}
    </ul>
  <//>`;
}
