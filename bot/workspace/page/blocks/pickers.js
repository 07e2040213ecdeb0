// datepicker, timepicker and datetimepicker, with the browser's own calendar and clock.
import { html } from "../vendor/preact-htm.js";
import { describing, naming, useValue } from "./value.js";

// While a year is being typed the browser reports 0002, 0020, 0202: no choices yet.
const isWhole = (text) => text === "" || !/^0\d{3}-/.test(text);

function Picker({ element, field, type, shown, change, note }) {
  const picked = (event) => {
    const text = event.target.value;
    if (isWhole(text)) change(text);
  };
  return html`<span class="picker">
    <input type=${type} class="text-field" id=${field.id} value=${shown} data-action=${element.action_id} onChange=${picked}
      ...${naming(element, field)} ...${describing(field)} />
    ${note && html`<span class="muted">${note}</span>`}
  </span>`;
}

export function DatePicker(props) {
  const [value, change] = useValue(props.block, props.element);
  return html`<${Picker} ...${props} type="date" shown=${value ?? ""} change=${(text) => change(text || null)} />`;
}

export function TimePicker(props) {
  const [value, change] = useValue(props.block, props.element);
  return html`<${Picker} ...${props} type="time" shown=${value ?? ""} note=${props.element.timezone} change=${(text) => change(text || null)} />`;
}

const two = (number) => String(number).padStart(2, "0");

function localText(seconds) {
  if (!seconds) return "";
  const date = new Date(seconds * 1000);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}

export function DateTimePicker(props) {
  const [value, change] = useValue(props.block, props.element);
  const choose = (text) => change(text ? Math.floor(new Date(text).getTime() / 1000) : null);
  return html`<${Picker} ...${props} type="datetime-local" shown=${localText(value)} change=${choose} />`;
}
