// Slack's own lines (somebody joined, the topic changed), and how those of many who joined become one.
import { html } from "../vendor/preact-htm.js";
import { nameOf, userOf } from "../text/authors.js";
import { Mrkdwn } from "../text/mrkdwn.js";
import { UserMention } from "../text/links.js";

const JOINS = new Set(["channel_join", "group_join"]);
const SYSTEM = new Set([...JOINS, "channel_leave", "group_leave", "channel_topic", "channel_purpose", "channel_name", "channel_archive", "channel_unarchive"]);

/** Whether Slack itself wrote the line. */
export const isSystem = (message) => SYSTEM.has(message.subtype);

/** Fold runs of joins into their first message, which lists the others as `alsoJoined`. */
export function together(messages) {
  const folded = [];
  for (const message of messages) {
    const last = folded.at(-1);
    if (last && JOINS.has(last.subtype) && JOINS.has(message.subtype)) {
      folded[folded.length - 1] = { ...last, alsoJoined: [...(last.alsoJoined ?? []), message.user] };
    } else folded.push(message);
  }
  return folded;
}

export function SystemLine({ message }) {
  if (!JOINS.has(message.subtype)) return html`<${Mrkdwn} text=${ownWords(message)} />`;
  const others = (message.alsoJoined ?? []).filter((id) => id !== message.user);
  const by = message.inviter && message.inviter !== message.user && userOf(message.inviter);
  return html`<div class="mrkdwn">joined the channel${by ? ` (added by ${nameOf(by)})` : ""}${others.length ? ", along with " : ""}${others.map((id, index) => [
    index ? (index === others.length - 1 ? " and " : ", ") : "",
    html`<${UserMention} id=${id} />`,
  ])}</div>`;
}

// The author stands above the line already.
const ownWords = (message) => (message.text ?? "").replace(`<@${message.user}> `, "").replace(/^has /, "");
