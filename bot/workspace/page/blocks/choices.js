// radio_buttons and checkboxes.
import { html } from "../vendor/preact-htm.js";
import { Text } from "./text.js";
import { describing, naming, useValue } from "./value.js";

function Choices({ block, element, field, type, isChosen, choose }) {
  const name = `${block.block_id}:${element.action_id}`;
  return html`<div class="choices" role=${type === "radio" ? "radiogroup" : "group"} id=${field.id} ...${naming(element, field)} ...${describing(field)}>
    ${(element.options ?? []).map((option) => html`<label class="choice" key=${option.value}>
      <input type=${type} name=${name} value=${option.value} checked=${isChosen(option)} onChange=${(event) => choose(option, event.target.checked)} />
      <span>
        <${Text} text=${option.text} />
        ${option.description && html`<span class="choice-hint"><${Text} text=${option.description} /></span>`}
      </span>
    </label>`)}
  </div>`;
}

export function RadioButtons(props) {
  const [value, change] = useValue(props.block, props.element);
  return html`<${Choices} ...${props} type="radio" isChosen=${(option) => value?.value === option.value} choose=${(option) => change(option)} />`;
}

export function Checkboxes(props) {
  const [value, change] = useValue(props.block, props.element);
  const chosen = new Set((value ?? []).map((option) => option.value));
  const choose = (option, on) => {
    if (on) chosen.add(option.value);
    else chosen.delete(option.value);
    change(props.element.options.filter((known) => chosen.has(known.value)));
  };
  return html`<${Choices} ...${props} type="checkbox" isChosen=${(option) => chosen.has(option.value)} choose=${choose} />`;
}
