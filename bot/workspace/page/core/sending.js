// What a person sends: messages, slash commands, shortcuts, reactions, pins, edits.
import * as outgoing from "../text/outgoing.js";
import { SLACKBOT } from "../text/authors.js";
import { call, explain, post, upload } from "./api.js";
import { builtIns } from "./built_ins.js";
import * as conversation from "./conversation.js";
import { notify } from "./notices.js";
import { get } from "./store.js";
import * as timeline from "./timeline.js";

let last = Promise.resolve();

/** Do one thing after the other, so that messages arrive in the order in which they were sent. */
function inOrder(job) {
  last = last.then(job, job);
  return last;
}

/** Send what stands in a composer. Returns true when it was taken, so that the draft may go. */
export async function send(channel, text, { thread, broadcast, files = [] } = {}) {
  if (!files.length && /^\/[\w-]+(\s|$)/.test(text)) return run(channel, text, thread);
  return inOrder(() => deliver(channel, text, { thread, broadcast, files }));
}

async function deliver(channel, text, { thread, broadcast, files }) {
  if (get().channels[channel]?.is_member === false) await call("conversations.join", { channel });
  const place = { thread_ts: thread, reply_broadcast: broadcast || undefined };
  if (files.length) return sendFiles(channel, outgoing.message(text), files, place);
  const answer = await call("chat.postMessage", { channel, text: outgoing.message(text), ...place });
  if (!answer.ok) notify(explain(answer.error));
  else timeline.add(channel, answer.message);
  return answer.ok;
}

async function sendFiles(channel, text, files, { thread_ts: thread }) {
  const share = { channel_id: channel, thread_ts: thread };
  for (const [index, file] of files.entries()) {
    const answer = await upload(file, index === files.length - 1 && text ? { ...share, initial_comment: text } : share);
    if (!answer.ok) {
      notify(`${file.name}: ${explain(answer.error)}`);
      return false;
    }
  }
  return true;
}

/** What Slackbot answers to a command that failed. */
const REFUSALS = {
  unknown_command: (name) => `\`${name}\` is not a valid command. In Slack, all messages that start with the “/” character are interpreted as commands.\nIf you are trying to send a message and not run a command, try preceding the “/” with an empty space.`,
  not_supported_in_threads: (name) => `\`${name}\` is not supported in threads. Sorry!`,
};

/** Run a slash command; failures come back as Slackbot's words, only visible to the person, and nothing is lost. */
async function run(channel, line, thread) {
  const [, name, text] = line.match(/^(\/[\w-]+)\s*([\s\S]*)$/);
  const isApps = get().commands.some(({ command }) => command === name);
  if (!isApps && builtIns[name]) {
    const said = await builtIns[name].run(channel, text.trim());
    if (said) slackbot(channel, said, thread);
    return true;
  }
  const answer = await post("command", { channel, command: name, text: outgoing.commandText(text), thread_ts: thread });
  if (answer.ok) return true;
  const refusal = REFUSALS[answer.error]?.(name) ?? `\`${name}\` failed with the error "${answer.error}".`;
  slackbot(channel, refusal, thread);
  return answer.error === "unknown_command" || answer.error === "not_supported_in_threads";
}

/** Show a line of Slackbot's in a channel or thread, on this page alone. */
export function slackbot(channel, text, thread) {
  const ts = (Date.now() / 1000).toFixed(6);
  timeline.addEphemeral(channel, { ts, text, user: SLACKBOT.id, thread_ts: thread, is_ephemeral: true, local: true });
}

/** Run a global shortcut, or one on a message. */
export async function shortcut({ callback_id: id, type, name }, channel, message) {
  const answer = await post("shortcut", { callback_id: id, type, channel, ts: message?.ts });
  if (!answer.ok) notify(`“${name}” failed: ${explain(answer.error)}`);
}

/** Add or take away the person's reaction. */
export async function react(channel, message, name) {
  const given = message.reactions?.find((reaction) => reaction.name === name)?.users.includes(get().me.id);
  const answer = await call(given ? "reactions.remove" : "reactions.add", { channel, timestamp: message.ts, name });
  if (!answer.ok && answer.error !== "already_reacted" && answer.error !== "no_reaction") notify(explain(answer.error));
}

const told = async (answer) => {
  const { ok, error } = await answer;
  if (!ok) notify(explain(error));
  return ok;
};

export const pin = (channel, message) => told(call("pins.add", { channel, timestamp: message.ts }));
export const unpin = (channel, message) => told(call("pins.remove", { channel, timestamp: message.ts }));
export const edit = (channel, ts, text) => told(call("chat.update", { channel, ts, text: outgoing.message(text) }));
export const remove = (channel, ts) => told(call("chat.delete", { channel, ts }));

/** Put a message's permalink on the clipboard. */
export async function copyLink(channel, message) {
  const answer = await call("chat.getPermalink", { channel, message_ts: message.ts });
  if (!answer.ok) return notify(explain(answer.error));
  try {
    await navigator.clipboard.writeText(answer.permalink);
    return notify("Link copied.");
  } catch {
    return notify(answer.permalink); // without the right to the clipboard the person can still copy it by hand
  }
}

/** Join a public channel. */
export async function join(channel) {
  if (await told(call("conversations.join", { channel }))) await conversation.load(channel);
}
