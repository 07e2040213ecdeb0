// Where the page starts: load the emoji, enter as a person, draw.
import { html, render } from "./vendor/preact-htm.js";
import * as conversation from "./core/conversation.js";
import * as session from "./core/session.js";
import { get, set } from "./core/store.js";
import * as theme from "./core/theme.js";
import * as route from "./core/route.js";
import { load as loadEmoji } from "./text/emoji.js";
import { Shell } from "./ui/shell.js";

theme.apply();

const root = document.getElementById("root");

const [entered] = await Promise.all([session.start(), loadEmoji()]);
root.replaceChildren();
if (entered) render(html`<${Shell} />`, root);
else render(html`<p class="starting" role="alert">This workspace has no people, or it does not answer.</p>`, root);

// Coming back to the window reads what came meanwhile.
document.addEventListener("visibilitychange", () => {
  const { place } = get();
  if (document.visibilityState === "visible" && place?.kind === "channel") conversation.markRead(place.id);
});

setInterval(() => set(({ minute }) => ({ minute: minute + 1 })), 60_000);

window.addEventListener("popstate", () => {
  const { place, thread, person } = route.read();
  if (person && person !== get().me.id) session.enter(person);
  else if (place?.kind === "app") conversation.openApp(place.id, place.tab);
  else if (place) conversation.open(place.id, place.tab).then(() => thread && conversation.openThread(place.id, thread));
});
