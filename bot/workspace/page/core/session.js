// Who is looking: booting as a person, switching to another, and catching up after the connection was away.
import { fetchPage } from "./api.js";
import * as conversation from "./conversation.js";
import { receive } from "./events.js";
import * as live from "./live.js";
import * as route from "./route.js";
import { clear, get, set } from "./store.js";

const REMEMBERED = "workspace.person";
const tokenOf = (userId) => `xoxp-${userId}`;
const parked = new Map(); // person id -> what they typed into modals and where they were, while another person looks

const byId = (list) => Object.fromEntries((list ?? []).map((item) => [item.id, item]));

/** Open the page as the person of the address, or the one remembered, or the workspace's first. */
export async function start() {
  const { people } = await fetchPage("people");
  if (!people?.length) return false;
  const known = (id) => people.some((person) => person.id === id);
  const wanted = [route.read().person, localStorage.getItem(REMEMBERED), people[0].id].find(known);
  await enter(wanted);
  return true;
}

/** Become another person without reloading; drafts and half-filled modals stay with their owner. */
export async function enter(userId) {
  const before = get();
  if (before.me) parked.set(before.me.id, { forms: before.forms, place: before.place });
  const kept = parked.get(userId) ?? {};
  clear({ token: tokenOf(userId), team: before.team, forms: kept.forms ?? {} });
  localStorage.setItem(REMEMBERED, userId);
  await new Promise((entered) => {
    live.connect(tokenOf(userId), {
      onOpen: async () => {
        await refresh();
        entered();
      },
      onEvent: receive,
    });
  });
  const asked = route.read();
  // Who looks for the first time looks at what the one before looked at, where they may see it.
  const place = kept.place ?? before.place ?? null;
  await goTo((asked.person ?? userId) === userId && (asked.place || asked.canvas) ? asked : { place });
}

async function refresh() {
  const boot = await fetchPage("boot");
  if (boot.error === "invalid_auth") location.replace("/"); // another workspace runs there now, without this person
  if (!boot.ok) return;
  const again = get().me !== null;
  set({
    me: boot.self,
    team: boot.team,
    users: byId(boot.users),
    apps: boot.apps,
    commands: boot.commands,
    shortcuts: boot.shortcuts,
    usergroups: byId(boot.usergroups),
    channels: byId(boot.channels),
    views: boot.views,
  });
  const { place, channels } = get();
  if (again && place?.kind === "channel" && !channels[place.id]) await conversation.openSomething();
  else if (again) await conversation.reloadShown();
}

async function goTo({ place, thread, at, canvas }) {
  const { channels, apps } = get();
  if (canvas) set({ dialog: { kind: "canvas", id: canvas } });
  if (place?.kind === "app" && apps.some((app) => app.id === place.id)) return conversation.openApp(place.id, place.tab);
  if (place?.kind !== "channel" || !channels[place.id]) return conversation.openSomething();
  if (at) set({ spotlight: at });
  await conversation.open(place.id, place.tab);
  return thread ? conversation.openThread(place.id, thread) : undefined;
}
