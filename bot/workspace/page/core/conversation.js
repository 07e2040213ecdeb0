// Opening channels, threads and App Homes: loading what they show, marking it read, keeping it in step.
import { call, explain, fetchPage, post } from "./api.js";
import * as timeline from "./timeline.js";
import { notify } from "./notices.js";
import * as route from "./route.js";
import { get, put, set } from "./store.js";

const PAGE = 60; // messages a load; Slack's clients load about a screenful more than this

/** Show a channel or DM. */
export async function open(id, tab = "messages") {
  const { thread } = get();
  set({ place: { kind: "channel", id, tab }, thread: thread?.channel === id ? thread : null });
  route.write();
  const loaded = get().messages[id];
  const { last_read: lastRead, unread_count: unread } = get().channels[id] ?? {};
  if (!loaded) await load(id);
  const newest = get().messages[id]?.list.at(-1)?.ts;
  put("messages", id, (box) => box && { ...box, unreadFrom: unread && lastRead !== newest ? lastRead : null });
  await markRead(id);
}

/** Show the general channel, or the first the person is in. */
export function openSomething() {
  const mine = Object.values(get().channels).filter((channel) => channel.is_member && !channel.is_im);
  const first = mine.find((channel) => channel.is_general) ?? mine[0];
  return first ? open(first.id) : set({ place: null });
}

/** Load a channel's newest messages, ephemerals, pins and bookmarks. */
export async function load(id) {
  const record = timeline.startRecording(id);
  const [history, ephemerals] = await Promise.all([
    call("conversations.history", { channel: id, limit: PAGE }),
    fetchPage("ephemerals", { channel: id }),
    loadPins(id),
    loadBookmarks(id),
  ]);
  if (history.ok) {
    const cursor = history.response_metadata?.next_cursor ?? "";
    put("messages", id, { list: [...history.messages].reverse(), cursor, more: Boolean(cursor), unreadFrom: null });
  } else {
    put("messages", id, { list: [], cursor: "", more: false, unreadFrom: null, fault: explain(history.error) });
  }
  if (ephemerals.ok) put("ephemerals", id, (local) => [...(local ?? []).filter((m) => m.local), ...ephemerals.messages]);
  record.replay();
}

/** Load the messages before the oldest shown one. */
export async function loadOlder(id) {
  const box = get().messages[id];
  if (!box?.more || box.loading) return;
  put("messages", id, { ...box, loading: true });
  const answer = await call("conversations.history", { channel: id, limit: PAGE, cursor: box.cursor });
  put("messages", id, (now) => {
    if (!answer.ok) return { ...now, loading: false };
    const cursor = answer.response_metadata?.next_cursor ?? "";
    return { ...now, list: [...answer.messages.reverse(), ...now.list], cursor, more: Boolean(cursor), loading: false };
  });
}

async function loadPins(id) {
  const answer = await call("pins.list", { channel: id });
  if (answer.ok) put("pins", id, answer.items.filter((item) => item.message).map((item) => item.message));
}

async function loadBookmarks(id) {
  if (get().channels[id]?.is_im) return;
  const answer = await call("bookmarks.list", { channel_id: id });
  if (answer.ok) put("bookmarks", id, answer.bookmarks);
}

export const reloadPins = loadPins;
export const reloadBookmarks = loadBookmarks;

/** Tell the workspace that the person has seen a channel, when they really look at it. */
export async function markRead(id) {
  const channel = get().channels[id];
  const newest = get().messages[id]?.list.at(-1)?.ts;
  if (!channel || !newest || document.visibilityState === "hidden") return;
  if (!channel.unread_count && !channel.mention_count && (channel.last_read ?? "0") >= newest) return;
  put("channels", id, { ...channel, unread_count: 0, mention_count: 0, last_read: newest });
  if (channel.is_member !== false) await post("read", { channel: id, ts: newest });
}

/** Make a message and all after it unread again. */
export async function markUnread(id, ts) {
  const before = get().messages[id].list.filter((message) => message.ts < ts).at(-1)?.ts ?? "0";
  await post("read", { channel: id, ts: before });
  const unread = get().messages[id].list.filter((message) => message.ts >= ts).length;
  put("channels", id, (channel) => ({ ...channel, unread_count: unread, last_read: before }));
  put("messages", id, (box) => ({ ...box, unreadFrom: before }));
}

/** Take an ephemeral message off the page. */
export function dismiss(channel, ts) {
  put("ephemerals", channel, (list) => list.filter((message) => message.ts !== ts));
}

/** Open a thread in the side pane. */
export async function openThread(channel, ts) {
  set({ thread: { channel, ts } });
  route.write();
  await loadThread(channel, ts);
}

export function closeThread() {
  set({ thread: null });
  route.write();
}

async function loadThread(channel, ts) {
  const record = timeline.startRecording(channel);
  const messages = [];
  let cursor = "";
  do {
    const answer = await call("conversations.replies", { channel, ts, limit: 200, cursor: cursor || undefined });
    if (!answer.ok) {
      notify(explain(answer.error));
      break;
    }
    messages.push(...answer.messages);
    cursor = answer.response_metadata?.next_cursor ?? "";
  } while (cursor);
  put("threads", `${channel}:${ts}`, messages);
  record.replay();
}

/** Open an app's page: its Home, its Messages or what is said About it. */
export async function openApp(id, tab = "home") {
  set({ place: { kind: "app", id, tab }, thread: null });
  route.write();
  const app = get().apps.find((known) => known.id === id);
  if (tab === "home") {
    const answer = await post("home", { app_id: id });
    if (answer.ok && answer.view) put("homes", id, answer.view);
  } else if (tab === "messages" && app) {
    const channel = await direct(app.bot_user_id);
    if (channel && !get().messages[channel]) await load(channel);
    if (channel) await markRead(channel);
  }
}

/** Return the DM with a person or bot, opening it where there is none. */
export async function direct(userId) {
  const known = Object.values(get().channels).find((channel) => channel.is_im && channel.user === userId);
  if (known) return known.id;
  const answer = await post("dm", { user: userId });
  if (!answer.ok) {
    notify(explain(answer.error));
    return null;
  }
  const channel = typeof answer.channel === "string" ? { id: answer.channel, is_im: true, user: userId } : answer.channel;
  put("channels", channel.id, (now) => now ?? { user: userId, is_im: true, is_member: true, ...channel });
  return channel.id;
}

/** Open the DM with a person; an app's DM is its Messages tab. */
export async function openDirect(userId) {
  const app = get().apps.find((known) => known.bot_user_id === userId);
  if (app) return openApp(app.id, "messages");
  const id = await direct(userId);
  return id ? open(id) : undefined;
}

/** Load again what is on the screen, after the connection was away. */
export async function reloadShown() {
  const { place, thread, apps } = get();
  const shown = place?.kind === "channel" ? place.id : null;
  // What is on the screen stays until its newer state is there; the rest is loaded anew when it is opened.
  const { messages, threads, ephemerals } = get();
  const open = thread && `${thread.channel}:${thread.ts}`;
  set({
    messages: messages[shown] ? { [shown]: messages[shown] } : {},
    threads: threads[open] ? { [open]: threads[open] } : {},
    ephemerals: keepLocal(ephemerals),
  });
  if (shown) await load(shown);
  if (place?.kind === "app" && apps.some((app) => app.id === place.id)) await openApp(place.id, place.tab);
  if (thread) await loadThread(thread.channel, thread.ts);
}

const keepLocal = (ephemerals) =>
  Object.fromEntries(Object.entries(ephemerals).map(([id, list]) => [id, list.filter((message) => message.local)]));

/** Show a channel because the person asked for it: a modal that lies above would hide it, so it is closed. */
export async function visit(id) {
  const { views } = get();
  if (views.length) {
    set({ views: [] });
    await post("view_close", { view_id: views.at(-1).id, is_cleared: views.length > 1 });
  }
  set({ dialog: null });
  await open(id);
}

/** Follow a link of this workspace inside the page; returns false for links that lead elsewhere. */
export function follow(address) {
  const target = route.permalink(address);
  if (!target) return false;
  if (target.canvas) set({ dialog: { kind: "canvas", id: target.canvas } });
  else if (!get().channels[target.place.id]) notify("You are not a member of that channel, or it does not exist.");
  else {
    if (target.at) set({ spotlight: target.at });
    visit(target.place.id).then(() => target.thread && openThread(target.place.id, target.thread));
  }
  return true;
}
