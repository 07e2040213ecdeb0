// Reactions below a message: who gave which, and a press to give or take back one's own.
import { html } from "../vendor/preact-htm.js";
import * as sending from "../core/sending.js";
import { useStore } from "../core/store.js";
import { nameOf, userOf } from "../text/authors.js";
import { Emoji } from "../text/emoji.js";
import { EmojiButton } from "./emoji_picker.js";

export function Reactions({ channel, message }) {
  const me = useStore((state) => state.me?.id);
  if (!message.reactions?.length) return null;
  return html`<div class="reactions">
    ${message.reactions.map((reaction) => {
      const mine = reaction.users.includes(me);
      const who = reaction.users.map((id) => (id === me ? "you" : nameOf(userOf(id)))).join(", ");
      const said = `${who} reacted with :${reaction.name}:`;
      return html`<button type="button" key=${reaction.name} class=${`reaction ${mine ? "mine" : ""}`} aria-pressed=${String(mine)} title=${said}
        aria-label=${`${reaction.count} ${reaction.name}: ${said}`} onClick=${() => sending.react(channel, message, reaction.name)}>
        <${Emoji} name=${reaction.name} /> <span class="reaction-count">${reaction.count}</span></button>`;
    })}
    <${EmojiButton} class="reaction add" label="Add a reaction" pick=${(name) => sending.react(channel, message, name)}>☺<sup>+</sup><//>
  </div>`;
}
