// What is pinned in a channel.
import { html } from "../vendor/preact-htm.js";
import * as conversation from "../core/conversation.js";
import * as sending from "../core/sending.js";
import { set, useStore } from "../core/store.js";
import { Message } from "./message.js";

export function PinsTab({ channel }) {
  const pins = useStore((state) => state.pins[channel]);
  const show = async (message) => {
    set({ spotlight: message.ts });
    await conversation.open(channel);
  };
  if (!pins?.length) return html`<p class="starting">Nothing is pinned here yet. Pin a message from its “More actions” menu.</p>`;
  return html`<ul class="plain-list tab-scroll pins" aria-label="Pinned messages">
    ${pins.map((message) => html`<li key=${message.ts} class="pin">
      <${Message} channel=${channel} message=${message} quiet />
      <div class="pin-foot"><button type="button" class="link-button" onClick=${() => show(message)}>Show in channel</button>
        <button type="button" class="link-button" onClick=${() => sending.unpin(channel, message)}>Unpin</button></div>
    </li>`)}
  </ul>`;
}
