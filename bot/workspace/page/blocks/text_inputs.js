// plain_text_input, number_input, email_text_input, url_text_input and rich_text_input.
import { html, useEffect, useRef } from "../vendor/preact-htm.js";
import { fieldOf, fill } from "../core/forms.js";
import { dispatch, tellsOn } from "../core/surface.js";
import { fromPlain, plainOf } from "../text/rich_text.js";
import { describing, naming, useValue } from "./value.js";

const KINDS = { number_input: "text", email_text_input: "email", url_text_input: "url", plain_text_input: "text" };
const TYPING_PAUSE = 300; // ms without a key before on_character_entered is told
const NEARLY_FULL = 0.8; // the share of max_length from which the rest is counted down

export function TextInput({ block, element, field }) {
  const [value, , surface] = useValue(block, element);
  const pending = useRef(null);
  const control = useRef(null);
  useEffect(() => () => clearTimeout(pending.current), []);
  const isRich = element.type === "rich_text_input";
  const shown = isRich ? plainOf(value) : (value ?? "");
  const tell = (next) => dispatch(surface, block, element, { [fieldOf(element)]: next });
  const typed = (event) => {
    const next = isRich ? fromPlain(event.target.value) : event.target.value || null;
    fill(surface.key, block, element, next);
    if (!tellsOn(block, element, "on_character_entered")) return;
    clearTimeout(pending.current);
    pending.current = setTimeout(() => tell(next), TYPING_PAUSE);
  };
  const onEnter = tellsOn(block, element, "on_enter_pressed");
  const press = (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || !onEnter) return;
    event.preventDefault();
    tell(isRich ? fromPlain(shown) : shown || null);
  };
  const common = {
    ref: control, id: field.id, class: "text-field", value: shown, onInput: typed, onKeyDown: press,
    placeholder: element.placeholder?.text, "data-action": element.action_id,
    autofocus: element.focus_on_load || undefined, autocomplete: "off",
    ...naming(element, field), ...describing(field),
  };
  const isLong = isRich || element.multiline;
  const box = isLong
    ? html`<textarea ...${common} rows=${element.min_lines ?? 4}></textarea>`
    : html`<input ...${common} type=${KINDS[element.type]} inputmode=${element.type === "number_input" ? "decimal" : undefined} />`;
  return html`<div class="text-input">
    ${box}
    <${Remaining} max=${element.max_length} used=${shown.length} />
    ${onEnter ? html`<div class="input-hint">↵ Press Enter to apply</div>` : null}
  </div>`;
}

function Remaining({ max, used }) {
  if (!max || used < max * NEARLY_FULL) return null;
  const left = max - used;
  return html`<span class=${`remaining ${left < 0 ? "over" : ""}`} aria-live="polite">${left}<span class="sr"> characters left</span></span>`;
}
