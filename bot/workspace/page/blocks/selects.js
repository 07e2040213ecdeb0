// The ten select menus: static, external, users, conversations, channels; one or many.
import { html } from "../vendor/preact-htm.js";
import { explain } from "../core/api.js";
import { suggestions } from "../core/surface.js";
import { get } from "../core/store.js";
import { channelName, nameOf } from "../text/authors.js";
import { Combobox } from "./combobox.js";
import { describing, naming, useValue } from "./value.js";

const asOption = (value, text) => ({ value, text: { type: "plain_text", text, emoji: false } });

const userOption = (user) => asOption(user.id, nameOf(user));
const channelOption = (channel) =>
  asOption(channel.id, `${channel.is_im ? "@" : channel.is_private ? "🔒 " : "#"}${channelName(channel)}`);

function people(element) {
  const users = Object.values(get().users).filter((user) => !user.deleted && !(user.is_bot && element.filter?.exclude_bot_users));
  return users.sort((a, b) => nameOf(a).localeCompare(nameOf(b))).map(userOption);
}

const kindOf = (channel) => (channel.is_im ? "im" : channel.is_mpim ? "mpim" : channel.is_private ? "private" : "public");

function conversations(element) {
  const kinds = element.filter?.include ?? ["public", "private", "im", "mpim"];
  const bots = new Set(Object.values(get().users).filter((user) => user.is_bot).map((user) => user.id));
  return Object.values(get().channels)
    .filter((channel) => kinds.includes(kindOf(channel)) && !channel.is_archived)
    .filter((channel) => !(element.filter?.exclude_bot_users && bots.has(channel.user)))
    .map(channelOption);
}

const channels = () => Object.values(get().channels).filter((channel) => kindOf(channel) === "public" && !channel.is_archived).map(channelOption);

// By the kind of select: its options, and how an id that was chosen becomes an option again.
const SOURCES = {
  users: { list: people, option: (id) => asOption(id, nameOf(get().users[id])) },
  conversations: { list: conversations, option: (id) => (get().channels[id] ? channelOption(get().channels[id]) : asOption(id, id)) },
  channels: { list: channels, option: (id) => (get().channels[id] ? channelOption(get().channels[id]) : asOption(id, id)) },
};

/** Any of Slack's select menus. */
export function Select({ block, element, field }) {
  const [value, change, surface] = useValue(block, element);
  const [, kind] = element.type.match(/^(?:multi_)?(\w+)_select$/);
  const many = element.type.startsWith("multi_");
  const source = SOURCES[kind];
  const chosen = [value ?? []].flat().map((entry) => (source ? source.option(entry) : entry));
  const choose = (options) => {
    const values = source ? options.map((option) => option.value) : options.map(({ description: _said, ...option }) => option);
    change(many ? values : (values[0] ?? null));
  };
  const load = kind === "external" ? async (query) => toGroups(await suggestions(surface, block, element, query)) : undefined;
  const groups = source ? [{ options: source.list(element) }] : (element.option_groups ?? [{ options: element.options }]);
  return html`<${Combobox} value=${chosen} groups=${groups} load=${load} many=${many} max=${element.max_selected_items}
    minQuery=${element.min_query_length ?? 3} placeholder=${element.placeholder?.text ?? "Select an option"} choose=${choose}
    clearable=${block.type === "input" && Boolean(block.optional)} small=${block.type !== "input"}
    attributes=${{ id: field.id, "data-action": element.action_id, ...naming(element, field), ...describing(field) }} />`;
}

function toGroups(answer) {
  if (!answer.ok) return { groups: [], fault: explain(answer.error) };
  return { groups: answer.option_groups ?? [{ options: answer.options ?? [] }] };
}
