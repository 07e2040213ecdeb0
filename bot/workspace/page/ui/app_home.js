// An app's own page: Home, Messages, About.
import { html } from "../vendor/preact-htm.js";
import { Blocks } from "../blocks/block.js";
import * as conversation from "../core/conversation.js";
import { ofView, Surface } from "../core/surface.js";
import { useStore } from "../core/store.js";
import { Avatar } from "./avatar.js";
import { Composer } from "./composer.js";
import { MessageList } from "./message_list.js";
import { Tabs } from "./tabs.js";

export function AppHome({ id, tab }) {
  const app = useStore((state) => state.apps.find((known) => known.id === id));
  const channel = useStore((state) => Object.values(state.channels).find((known) => known.is_im && known.user === app?.bot_user_id)?.id);
  if (!app) return html`<p class="starting">This app is not installed.</p>`;
  const tabs = [app.home_tab !== false && ["home", "Home"], ["messages", "Messages"], ["about", "About"]].filter(Boolean);
  return html`<header class="channel-header"><h2 class="channel-name"><${Avatar} id=${app.bot_user_id} name=${app.name} size=${24} /> ${app.name}</h2><span class="app-badge">APP</span></header>
    <div class="channel-bar"><${Tabs} tabs=${tabs} chosen=${tab} choose=${(next) => conversation.openApp(id, next)} label=${app.name} id="channel" /></div>
    <div class="panel" role="tabpanel" id="channel-panel" aria-label=${app.name}>
      ${tab === "home" ? html`<${Home} app=${app} />` : tab === "about" ? html`<${About} app=${app} />` : channel && html`<${MessageList} channel=${channel} />`}
    </div>
    ${tab === "messages" && channel && html`<${Foot} app=${app} channel=${channel} />`}`;
}

function Foot({ app, channel }) {
  if (app.read_only_messages) return html`<div class="join-bar">Sending messages to this app has been turned off.</div>`;
  return html`<div class="composer-wrap"><${Composer} id="composer-main" channel=${channel} label=${`Message ${app.name}`} /></div>`;
}

function Home({ app }) {
  const view = useStore((state) => state.homes[app.id]);
  if (!view) {
    const why = app.connected === false ? `${app.name} is not connected, so it cannot show its home.` : "This is a work in progress. The app has not published its home yet.";
    return html`<p class="starting">${why}</p>`;
  }
  return html`<div class="tab-scroll"><div class="home"><${Surface.Provider} value=${ofView(view)}><${Blocks} blocks=${view.blocks} /><//></div></div>`;
}

function About({ app }) {
  const commands = useStore((state) => state.commands).filter((command) => command.app_id === app.id);
  const shortcuts = useStore((state) => state.shortcuts).filter((shortcut) => shortcut.app_id === app.id);
  return html`<div class="tab-scroll"><div class="home details">
    <p>${app.connected === false ? "Not connected at the moment." : "Connected."}</p>
    ${commands.length > 0 && html`<h3>Commands</h3><dl class="facts">${commands.map((command) => html`<dt><code class="code">${command.command}</code> <span class="muted">${command.usage_hint}</span></dt><dd>${command.description}</dd>`)}</dl>`}
    ${shortcuts.length > 0 && html`<h3>Shortcuts</h3><ul>${shortcuts.map((shortcut) => html`<li>${shortcut.name} <span class="muted">(${shortcut.type === "message" ? "on a message" : "anywhere"})</span></li>`)}</ul>`}
  </div></div>`;
}
