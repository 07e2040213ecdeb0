// Completing what is typed after /, @, # and : in the composer.
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { builtIns } from "../core/built_ins.js";
import { get } from "../core/store.js";
import { nameOf } from "../text/authors.js";
import { character, search } from "../text/emoji.js";
import { Avatar } from "./avatar.js";
import { Floating } from "./floating.js";

const MOST = 8; // entries shown

function commands(typed) {
  const { commands: own, apps } = get();
  const all = [
    ...own.map((command) => ({ ...command, app: apps.find((app) => app.id === command.app_id)?.name })),
    ...Object.entries(builtIns).map(([command, rest]) => ({ command, app: "Slack", ...rest })),
  ];
  return all
    .filter(({ command }) => command.startsWith(`/${typed.toLowerCase()}`))
    .map((found) => ({ insert: `${found.command} `, label: found.command, usage: found.usage_hint, hint: found.description, tail: found.app }));
}

function people(typed) {
  const { users, usergroups, me } = get();
  const wanted = typed.toLowerCase();
  const found = Object.values(users)
    .filter((user) => !user.deleted && `${nameOf(user)} ${user.name}`.toLowerCase().split(/\s+/).some((word, index, words) => word.startsWith(wanted) || words.slice(index).join(" ").startsWith(wanted)))
    .map((user) => ({ insert: `@${nameOf(user)} `, label: nameOf(user) + (user.id === me.id ? " (you)" : ""), hint: user.profile?.title, icon: html`<${Avatar} id=${user.id} name=${nameOf(user)} size=${20} />`, tail: user.is_bot ? "APP" : undefined }));
  const groups = Object.values(usergroups).filter((group) => group.handle.startsWith(wanted)).map((group) => ({ insert: `@${group.handle} `, label: `@${group.handle}`, hint: group.name }));
  const all = [["channel", "everybody in this channel"], ["here", "everybody in this channel who is active"]];
  const ranges = all.filter(([range]) => range.startsWith(wanted)).map(([range, hint]) => ({ insert: `@${range} `, label: `@${range}`, hint }));
  return [...found, ...groups, ...ranges];
}

const channels = (typed) =>
  Object.values(get().channels)
    .filter((channel) => channel.name?.includes(typed.toLowerCase()) && !channel.is_im)
    .map((channel) => ({ insert: `#${channel.name} `, label: `${channel.is_private ? "🔒" : "#"}${channel.name}` }));

const emoji = (typed) => search(typed).map((name) => ({ insert: `:${name}: `, label: `:${name}:`, icon: character(name) }));

// What begins a completion, and where: commands at the very start, the others at the start of a word.
const TRIGGERS = [
  [/^\/([\w-]*)$/, commands],
  [/(?:^|[\s(])@([\p{L}\p{N}._-]*(?: [\p{L}\p{N}._-]+)?)$/u, people],
  [/(?:^|[\s(])#([\w-]*)$/, channels],
  [/(?:^|[\s(]):([a-z0-9_+-]{2,})$/i, emoji],
];

function find(text, caret) {
  const before = text.slice(0, caret);
  for (const [pattern, source] of TRIGGERS) {
    const match = before.match(pattern);
    if (!match) continue;
    const entries = source(match[1]).slice(0, MOST);
    if (entries.length) return { entries, from: caret - match[1].length - 1, to: caret };
  }
  return null;
}

/** State and keys of a composer's completion. */
export function useCompletion({ field, text, write }) {
  const [found, setFound] = useState(null);
  const [active, setActive] = useState(0);
  const hushed = useRef(null); // the text for which Escape closed the list
  const look = () => {
    const { value, selectionStart: caret } = field.current;
    const next = hushed.current === value ? null : find(value, caret);
    if (next?.entries[0]?.label !== found?.entries[0]?.label) setActive(0);
    setFound(next);
  };
  useEffect(() => {
    if (!text) setFound(null);
  }, [text]);
  const close = () => setFound(null);
  const pick = (entry) => {
    const after = text.slice(found.to).replace(/^ /, "");
    write(text.slice(0, found.from) + entry.insert + after, found.from + entry.insert.length);
    close();
    field.current.focus();
  };
  const press = (event) => {
    if (!found || event.isComposing) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const entry = found.entries[active];
    if (step) setActive((active + step + found.entries.length) % found.entries.length);
    else if (event.key === "Escape") {
      hushed.current = text;
      close();
    } else if (event.key === "Tab" && !event.shiftKey) pick(entry);
    else if (event.key === "Enter" && !event.shiftKey && entry.insert.trim() !== text.trim()) pick(entry);
    else {
      close();
      return false;
    }
    event.preventDefault();
    event.stopPropagation();
    return true;
  };
  const moved = (event) => ["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key) && look();
  return { isOpen: Boolean(found), entries: found?.entries ?? [], active, setActive, look, moved, press, pick, close };
}

/** The list of completions. */
export function Completions({ id, anchor, completion }) {
  if (!completion.isOpen) return null;
  return html`<${Floating} anchor=${anchor} onClose=${completion.close} class="completion-panel">
    <div role="listbox" id=${id} class="listbox" aria-label="Suggestions">
      ${completion.entries.map((entry, index) => html`<div key=${entry.label} role="option" id=${`${id}-${index}`} aria-selected=${String(index === completion.active)}
        class=${`option ${index === completion.active ? "active" : ""}`} onPointerDown=${(event) => event.preventDefault()} onPointerMove=${() => completion.setActive(index)}
        onClick=${() => completion.pick(entry)}>
        <span class="completion">${entry.icon && html`<span class="side-icon" aria-hidden="true">${entry.icon}</span>`}
          <b>${entry.label}</b>${entry.usage && html`<span class="usage-hint">${entry.usage}</span>`}<span class="option-hint">${entry.hint}</span></span>
        ${entry.tail && html`<span class="muted">${entry.tail}</span>`}
      </div>`)}
    </div>
  <//>`;
}
