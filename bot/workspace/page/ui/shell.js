// The page's frame: top bar, sidebar, what is open, the side pane, and everything that lies above.
import { html, useEffect } from "../vendor/preact-htm.js";
import { useStore } from "../core/store.js";
import { AppHome } from "./app_home.js";
import { ChannelView } from "./channel_view.js";
import { ConfirmDialog } from "./confirm.js";
import { Dialogs } from "./dialogs.js";
import { openSwitcher } from "./jump.js";
import { ModalStack } from "./modal.js";
import { Notices } from "./notices.js";
import { Sidebar } from "./sidebar.js";
import { ThreadPane } from "./thread_pane.js";
import { TopBar } from "./top_bar.js";

function Away() {
  const online = useStore((state) => state.online);
  const wasOnline = useStore((state) => state.wasOnline);
  if (online || !wasOnline) return null;
  return html`<div class="away" role="status">
    <span class="spinner" aria-hidden="true"></span> Connection lost. Reconnecting… nothing you type is lost.
  </div>`;
}

function useKeys() {
  useEffect(() => {
    const press = (event) => {
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && !document.querySelector("dialog[open]")) {
        event.preventDefault();
        openSwitcher();
      }
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}

const skip = () => (document.getElementById("composer-main") ?? document.getElementById("main")).focus();

export function Shell() {
  useKeys();
  const me = useStore((state) => state.me);
  const place = useStore((state) => state.place);
  const thread = useStore((state) => state.thread);
  const shown = !me || !place
    ? html`<p class="starting">Opening the workspace…</p>`
    : place.kind === "app"
      ? html`<${AppHome} id=${place.id} tab=${place.tab} key=${`${me.id}:${place.id}`} />`
      : html`<${ChannelView} id=${place.id} tab=${place.tab ?? "messages"} key=${`${me.id}:${place.id}`} />`;
  return html`<button type="button" class="skip-link" onClick=${skip}>Skip to what is open</button>
    <${TopBar} />
    <${Away} />
    <div class=${`columns ${thread ? "with-pane" : ""}`}>
      <${Sidebar} />
      <main class="main" id="main" tabindex="-1">${shown}</main>
      ${thread && html`<${ThreadPane} channel=${thread.channel} ts=${thread.ts} key=${`${me?.id}:${thread.channel}:${thread.ts}`} />`}
    </div>
    <${ModalStack} />
    <${Dialogs} />
    <${ConfirmDialog} />
    <${Notices} />`;
}
