// Who wrote a message, and what people, apps and channels are called.
import { get } from "../core/store.js";

export const SLACKBOT = { id: "USLACKBOT", name: "slackbot", real_name: "Slackbot", is_bot: true };

/** A user by id; Slackbot is always known. */
export const userOf = (id) => (id === SLACKBOT.id ? SLACKBOT : get().users[id]);

/** What Slack shows as somebody's name. */
export const nameOf = (user) => user?.real_name || user?.name || "Someone";

/** The name above a message. */
export function authorName(message) {
  if (message.username) return message.username;
  const user = userOf(message.user);
  return user ? nameOf(user) : (message.bot_profile?.name ?? "Someone");
}

/** Whether a message carries the APP badge. */
export const isApp = (message) => Boolean(message.bot_id || message.subtype === "bot_message");

/** What a channel is called in lists and headers, without its mark. */
export function channelName(channel) {
  if (!channel) return "";
  if (channel.is_im) return nameOf(userOf(channel.user));
  return channel.name ?? channel.id;
}

// Slack's palette for people without a picture.
const COLOURS = ["#8a4b9c", "#1264a3", "#a8560a", "#00705a", "#b3123f", "#5b3cc4", "#7a5c00", "#0b6e8a", "#a3358f", "#475569"];

/** The colour of somebody's generated picture: always the same, and all different in a small team. */
export function colourOf(id) {
  const order = Object.keys(get().users).indexOf(id);
  return COLOURS[(order + COLOURS.length) % COLOURS.length];
}

/** One or two letters for a generated picture. */
export function initialsOf(name) {
  const words = String(name ?? "?").split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0] ?? "?"];
  return letters.map((word) => [...word][0]).join("").toUpperCase();
}
