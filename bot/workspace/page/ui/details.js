// A channel's details: what it is about, and who is in it.
import { html, useEffect, useState } from "../vendor/preact-htm.js";
import { call, explain } from "../core/api.js";
import { set, useStore } from "../core/store.js";
import { nameOf, userOf } from "../text/authors.js";
import { dateOf } from "../text/dates.js";
import { Mrkdwn } from "../text/mrkdwn.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";
import { Tabs } from "./tabs.js";

export function DetailsDialog({ id, tab = "about", close }) {
  const channel = useStore((state) => state.channels[id]);
  const [shown, setShown] = useState(tab);
  if (!channel) return null;
  const tabs = [["about", "About"], ["members", `Members ${channel.num_members ?? ""}`]];
  return html`<${Dialog} title=${`${channel.is_private ? "🔒" : "#"} ${channel.name}`} onClose=${close}>
    <${Tabs} tabs=${tabs} chosen=${shown} choose=${setShown} label="Channel details" id="details" />
    <div role="tabpanel" id="details-panel">
      ${shown === "about" ? html`<${About} channel=${channel} />` : html`<${Members} channel=${channel} />`}
    </div>
  <//>`;
}

function Note({ channel, what, name }) {
  const edit = () => set({ dialog: { kind: "topic", what, id: channel.id } });
  return html`<div class="detail">
    <div class="row-between"><b>${name}</b><button type="button" class="link-button" onClick=${edit} aria-label=${`Edit ${name.toLowerCase()}`}>Edit</button></div>
    ${channel[what]?.value ? html`<${Mrkdwn} text=${channel[what].value} />` : html`<span class="muted">None yet</span>`}
  </div>`;
}

function About({ channel }) {
  const creator = channel.creator && userOf(channel.creator);
  return html`<div class="details">
    <${Note} channel=${channel} what="topic" name="Topic" />
    <${Note} channel=${channel} what="purpose" name="Description" />
    <div class="detail"><b>Created</b><div>${creator ? `by ${nameOf(creator)} ` : ""}on ${dateOf(channel.created).toLocaleDateString(undefined, { dateStyle: "long" })}</div></div>
    <div class="detail muted">Channel ID: ${channel.id}</div>
  </div>`;
}

function Members({ channel }) {
  const [members, setMembers] = useState(null);
  const [adding, setAdding] = useState(false);
  const users = useStore((state) => state.users);
  const [fault, setFault] = useState(null);
  useEffect(() => {
    call("conversations.members", { channel: channel.id, limit: 1000 }).then((answer) =>
      answer.ok ? setMembers(answer.members) : setFault(explain(answer.error)),
    );
  }, [channel.id, channel.num_members]);
  const invite = async (user) => {
    const answer = await call("conversations.invite", { channel: channel.id, users: user });
    setFault(answer.ok ? null : explain(answer.error));
  };
  const others = Object.values(users).filter((user) => !members?.includes(user.id));
  return html`<div>
    <button type="button" class="button small" aria-expanded=${String(adding)} onClick=${() => setAdding(!adding)}>Add people</button>
    ${fault && html`<div class="input-fault" role="alert">⚠ ${fault}</div>`}
    ${adding && html`<ul class="plain-list invite-list" aria-label="People to add">
      ${others.map((user) => html`<li class="row-between" key=${user.id}>
        <span>${nameOf(user)}</span><button type="button" class="button small" onClick=${() => invite(user.id)} aria-label=${`Add ${nameOf(user)}`}>Add</button>
      </li>`)}
      ${!others.length && html`<li class="muted">Everybody is here.</li>`}
    </ul>`}
    <ul class="plain-list" aria-label="Members">
      ${(members ?? []).map((member) => html`<li key=${member}><button type="button" class="list-row" onClick=${() => set({ dialog: { kind: "profile", id: member } })}>
        <${Avatar} id=${member} name=${nameOf(userOf(member))} size=${28} />
        <span><b>${nameOf(userOf(member))}</b>${userOf(member)?.is_bot ? html` <span class="app-badge">APP</span>` : null}<span class="muted block">${userOf(member)?.profile?.title}</span></span>
      </button></li>`)}
    </ul>
  </div>`;
}
