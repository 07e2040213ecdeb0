// What people type, turned into what the Web API takes: escapes, and names into ids.
import { get } from "../core/store.js";
import { nameOf } from "./authors.js";

const escape = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const quoteForPattern = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Every name somebody may have typed after @ or #, longest first, with the mark-up it stands for. */
function marks() {
  const { users, channels, usergroups } = get();
  const named = [["@here", "<!here>"], ["@channel", "<!channel>"], ["@everyone", "<!everyone>"]];
  for (const user of Object.values(users)) named.push([`@${nameOf(user)}`, `<@${user.id}>`], [`@${user.name}`, `<@${user.id}>`]);
  for (const group of Object.values(usergroups)) named.push([`@${group.handle}`, `<!subteam^${group.id}>`]);
  for (const channel of Object.values(channels)) if (channel.name) named.push([`#${channel.name}`, `<#${channel.id}>`]);
  return named.sort(([a], [b]) => b.length - a.length);
}

function mentioned(text) {
  const known = new Map();
  for (const [name, mark] of marks()) if (!known.has(escape(name).toLowerCase())) known.set(escape(name).toLowerCase(), mark);
  const pattern = new RegExp(`(?<![\\w/])(${[...known.keys()].map(quoteForPattern).join("|")})(?![\\w-])`, "gi");
  return text.replace(pattern, (name) => known.get(name.toLowerCase()));
}

/** A message's text as chat.postMessage takes it; code stays as it was typed. */
export function message(text) {
  const parts = escape(text.trim()).split(/(```[\s\S]+?```|`[^`\n]+`)/);
  return parts.map((part, index) => (index % 2 ? part : mentioned(part))).join("");
}

/** A slash command's text: people and channels by id, everything else as typed. */
export function commandText(text) {
  const { users, channels } = get();
  const named = Object.values(users).map((user) => [`@${nameOf(user)}`, `<@${user.id}>`]);
  for (const channel of Object.values(channels)) if (channel.name) named.push([`#${channel.name}`, `<#${channel.id}>`]);
  named.sort(([a], [b]) => b.length - a.length);
  return named.reduce((result, [name, mark]) => {
    const pattern = new RegExp(`(?<!\\S)${quoteForPattern(name)}(?![\\w-])`, "gi");
    return result.replace(pattern, mark);
  }, text.trim());
}

/** The text of an own message as one edits it again. */
export function editable(text) {
  const { users, channels, usergroups } = get();
  return text
    .replace(/<@(\w+)(?:\|[^>]*)?>/g, (all, id) => (users[id] ? `@${nameOf(users[id])}` : all))
    .replace(/<#(\w+)(?:\|[^>]*)?>/g, (all, id) => (channels[id]?.name ? `#${channels[id].name}` : all))
    .replace(/<!subteam\^(\w+)(?:\|[^>]*)?>/g, (all, id) => (usergroups[id] ? `@${usergroups[id].handle}` : all))
    .replace(/<!(here|channel|everyone)>/g, "@$1")
    .replace(/<([a-z]+:[^>|]+)(?:\|[^>]*)?>/gi, "$1")
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
}
