// Messages arriving, changing and vanishing: keeps the loaded lists of channels and threads in step.
import { get, put, set } from "./store.js";

const recordings = new Map(); // channel id -> Set of lists of changes seen while a load was under way

/** Remember the changes to a channel from now on, to apply them again over a load that may be older than they are. */
export function startRecording(channel) {
  const changes = [];
  if (!recordings.has(channel)) recordings.set(channel, new Set());
  recordings.get(channel).add(changes);
  return {
    replay() {
      recordings.get(channel).delete(changes);
      for (const [change, ...rest] of changes) change(...rest);
    },
  };
}

function note(channel, ...change) {
  for (const changes of recordings.get(channel) ?? []) changes.push(change);
}

const isReply = (message) => message.thread_ts && message.thread_ts !== message.ts;
const isInChannel = (message) => !isReply(message) || message.subtype === "thread_broadcast";

const replace = (list, message) => list.map((other) => (other.ts === message.ts ? message : other));

function insert(list, message) {
  const at = list.findIndex((other) => other.ts === message.ts);
  if (at >= 0) return replace(list, message);
  const next = list.findIndex((other) => other.ts > message.ts);
  return next < 0 ? [...list, message] : [...list.slice(0, next), message, ...list.slice(next)];
}

/** A message came. Returns true when it was not known before. */
export function add(channel, message) {
  note(channel, add, channel, message);
  const box = get().messages[channel];
  const known = box?.list.some(({ ts }) => ts === message.ts);
  if (box && isInChannel(message)) put("messages", channel, { ...box, list: insert(box.list, message) });
  if (message.thread_ts) {
    const key = `${channel}:${message.thread_ts}`;
    if (get().threads[key]) put("threads", key, insert(get().threads[key], message));
    if (isReply(message)) bumpParent(channel, message);
  }
  return !known;
}

// Slack tells replies and the parent's new count apart; whichever comes first, the count is right once.
function bumpParent(channel, reply) {
  const grown = (parent) => {
    if (parent.ts !== reply.thread_ts || (parent.latest_reply ?? "") >= reply.ts) return parent;
    const users = parent.reply_users ?? [];
    return {
      ...parent,
      thread_ts: parent.ts,
      reply_count: (parent.reply_count ?? 0) + 1,
      latest_reply: reply.ts,
      reply_users: users.includes(reply.user) ? users : [...users, reply.user].slice(0, 5),
    };
  };
  const box = get().messages[channel];
  if (box) put("messages", channel, { ...box, list: box.list.map(grown) });
  const key = `${channel}:${reply.thread_ts}`;
  if (get().threads[key]) put("threads", key, get().threads[key].map(grown));
}

/** A message was edited, or its reactions, thread or pin changed. */
export function change(channel, message) {
  note(channel, change, channel, message);
  const box = get().messages[channel];
  if (box) put("messages", channel, { ...box, list: replace(box.list, message) });
  const key = `${channel}:${message.thread_ts ?? message.ts}`;
  if (get().threads[key]) put("threads", key, replace(get().threads[key], message));
  const ephemerals = get().ephemerals[channel];
  if (ephemerals?.some(({ ts }) => ts === message.ts)) put("ephemerals", channel, replace(ephemerals, message));
  if (get().pins[channel]?.some(({ ts }) => ts === message.ts)) put("pins", channel, replace(get().pins[channel], message));
}

/** A message was deleted. */
export function remove(channel, ts) {
  note(channel, remove, channel, ts);
  const without = (list) => list.filter((message) => message.ts !== ts);
  const box = get().messages[channel];
  if (box) put("messages", channel, { ...box, list: without(box.list) });
  if (get().ephemerals[channel]) put("ephemerals", channel, without(get().ephemerals[channel]));
  const threads = Object.entries(get().threads).filter(([key]) => key.startsWith(`${channel}:`));
  for (const [key, list] of threads) put("threads", key, without(list));
  const { thread } = get();
  if (thread?.channel === channel && thread.ts === ts) set({ thread: null });
}

/** Add something only this person sees. */
export function addEphemeral(channel, message) {
  note(channel, addEphemeral, channel, message);
  put("ephemerals", channel, (list) => insert(list ?? [], message));
}
