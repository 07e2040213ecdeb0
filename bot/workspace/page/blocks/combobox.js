// A field with a list to choose from, one or many: typing filters, arrows walk, Enter chooses (ARIA combobox).
import { html, useEffect, useRef, useState } from "../vendor/preact-htm.js";
import { Floating } from "../ui/floating.js";
import { plain } from "./text.js";

const TYPING_PAUSE = 200; // ms before an external list is asked
const keyOf = (option) => option.value;

let serial = 0;

/**
 * Props: value (chosen options), groups ([{label, options}]) or load(query) -> groups, minQuery, many, max,
 * placeholder, choose(list), clearable, small, attributes (ARIA and id for the text field).
 */
export function Combobox({ value, groups, load, minQuery = 0, many, max, placeholder, choose, clearable, small, attributes }) {
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState(null); // null: nothing typed since it was opened
  const [active, setActive] = useState(0);
  const [id] = useState(() => `list-${(serial += 1)}`);
  const box = useRef(null);
  const input = useRef(null);
  const loaded = useLoaded(load, open ? (query ?? "") : null, minQuery);
  const chosen = new Set(value.map(keyOf));
  const shown = narrow(load ? loaded.groups : groups, load ? "" : (query ?? ""), many ? chosen : new Set());
  const options = shown.flatMap((group) => group.options);
  const close = () => {
    setOpen(false);
    setQuery(null);
  };
  const pick = (option) => {
    if (!option) return;
    if (many) {
      if (!max || value.length < max) choose([...value, option]);
      setQuery(null);
      input.current.focus();
    } else {
      choose([option]);
      close();
    }
  };
  const show = () => {
    if (open) return;
    input.current.select();
    setOpen(true);
    setActive(Math.max(0, many ? 0 : options.findIndex((option) => chosen.has(keyOf(option)))));
  };
  const press = (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      if (open) setActive((active + step + options.length) % Math.max(1, options.length));
      else show();
    } else if (event.key === "Enter") {
      if (!open) show();
      else pick(options[active]);
    } else if (event.key === "Escape" && open) {
      close();
      event.stopPropagation();
    } else if (event.key === "Backspace" && many && !query && value.length) {
      choose(value.slice(0, -1));
      return;
    } else {
      if (event.key === "Tab") close();
      return;
    }
    event.preventDefault();
  };
  const typed = (event) => {
    setQuery(event.target.value);
    setActive(0);
    setOpen(true);
  };
  const label = !many && value[0] ? value[0].text.text : "";
  const hint = loaded.fault ?? loaded.note ?? (options.length ? null : "No results");
  return html`<div class=${`combobox ${small ? "combobox-small" : ""} ${many ? "combobox-many" : ""}`} ref=${box}>
    ${many && value.map((option) => html`<span class="chip" key=${keyOf(option)}>${plain(option.text)}
      <button type="button" class="chip-remove" aria-label=${`Remove ${option.text.text}`}
        onClick=${() => choose(value.filter((other) => keyOf(other) !== keyOf(option)))}>×</button>
    </span>`)}
    <input ref=${input} class="combobox-text" role="combobox" autocomplete="off" spellcheck="false" aria-autocomplete="list"
      aria-expanded=${String(open)} aria-controls=${open ? id : undefined} size=${small ? Math.max(8, (label || placeholder || "").length) : undefined}
      aria-activedescendant=${open && options[active] ? `${id}-${active}` : undefined}
      value=${query ?? label} placeholder=${value.length && many ? "" : placeholder}
      onInput=${typed} onClick=${show} onKeyDown=${press} ...${attributes} />
    ${clearable && !many && value.length > 0 && html`<button type="button" class="combobox-clear" aria-label="Clear" onClick=${() => choose([])}>×</button>`}
    <span class="combobox-arrow" aria-hidden="true" onClick=${() => input.current.focus() ?? show()}>▾</span>
    ${open && html`<${Floating} anchor=${box} onClose=${close} wide class="listbox-panel">
      <div role="listbox" id=${id} class="listbox" aria-label=${attributes["aria-label"] ?? "Options"} aria-multiselectable=${many ? "true" : undefined}>
        ${hint && html`<div class="listbox-hint" role="status">${hint}</div>`}
        ${shown.map((group) => html`
          ${group.label && html`<div class="listbox-group" role="presentation">${plain(group.label)}</div>`}
          ${group.options.map((option) => html`<${Option} key=${keyOf(option)} option=${option} id=${`${id}-${options.indexOf(option)}`}
            isActive=${options[active] === option} isChosen=${chosen.has(keyOf(option))} pick=${pick} />`)}`)}
      </div>
    <//>`}
  </div>`;
}

function Option({ option, id, isActive, isChosen, pick }) {
  const row = useRef(null);
  useEffect(() => {
    if (isActive) row.current.scrollIntoView({ block: "nearest" });
  }, [isActive]);
  return html`<div ref=${row} id=${id} role="option" aria-selected=${String(isChosen)} class=${`option ${isActive ? "active" : ""}`}
    onPointerDown=${(event) => event.preventDefault()} onClick=${() => pick(option)}>
    <span>${plain(option.text)}${option.description ? html`<span class="option-hint">${plain(option.description)}</span>` : null}</span>
    ${isChosen && html`<span aria-hidden="true">✓</span>`}
  </div>`;
}

function narrow(groups, query, without) {
  const wanted = query.trim().toLowerCase();
  return (groups ?? [])
    .map((group) => ({
      ...group,
      options: (group.options ?? []).filter(
        (option) => !without.has(keyOf(option)) && option.text.text.toLowerCase().includes(wanted),
      ),
    }))
    .filter((group) => group.options.length);
}

// Ask an external list after a pause in typing; an answer that was overtaken is dropped.
function useLoaded(load, query, minQuery) {
  const [state, setState] = useState({ groups: [] });
  useEffect(() => {
    if (!load || query === null) return undefined;
    if (query.length < minQuery) {
      setState({ groups: [], note: `Type ${minQuery} or more characters` });
      return undefined;
    }
    let overtaken = false;
    setState((before) => ({ groups: before.groups, note: before.groups.length ? null : "Loading…" }));
    const timer = setTimeout(async () => {
      const answer = await load(query);
      if (!overtaken) setState(answer);
    }, query ? TYPING_PAUSE : 0);
    return () => {
      overtaken = true;
      clearTimeout(timer);
    };
  }, [query, Boolean(load)]);
  return load ? state : { groups: [] };
}
