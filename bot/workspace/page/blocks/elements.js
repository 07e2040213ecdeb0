// Interactive elements: who draws which, and the pressing ones (buttons, overflow, feedback, icons).
import { html, useContext, useState } from "../vendor/preact-htm.js";
import { dispatch, Surface } from "../core/surface.js";
import { useStore } from "../core/store.js";
import { openAddress } from "../text/links.js";
import { MenuButton } from "../ui/menu.js";
import { Checkboxes, RadioButtons } from "./choices.js";
import { DatePicker, DateTimePicker, TimePicker } from "./pickers.js";
import { imageAddress } from "./pictures.js";
import { Select } from "./selects.js";
import { plain } from "./text.js";
import { FileInput } from "./file_input.js";
import { TextInput } from "./text_inputs.js";
import { Unknown } from "./unknown.js";

export const Actions = ({ block }) => html`<div class="actions">
  ${(block.elements ?? []).map((element) => html`<${Element} block=${block} element=${element} key=${element.action_id} />`)}
</div>`;

export const ContextActions = ({ block }) => html`<div class="context-actions">
  ${(block.elements ?? []).map((element) => html`<${Element} block=${block} element=${element} key=${element.action_id} />`)}
</div>`;

/** Send a press; returns [busy, press]. A second press waits for the first one's answer. */
function usePress(block, element) {
  const surface = useContext(Surface);
  const [busy, setBusy] = useState(false);
  const press = async (chosen) => {
    if (busy) return;
    setBusy(true);
    await dispatch(surface, block, element, chosen);
    setBusy(false);
  };
  return [busy, press];
}

export function Button({ block, element }) {
  const [busy, press] = usePress(block, element);
  const run = () => {
    if (element.url) openAddress(element.url);
    press({ value: element.value, text: element.text });
  };
  const css = `button small ${element.style ?? ""} ${busy ? "busy" : ""}`;
  return html`<button type="button" class=${css} aria-label=${element.accessibility_label} aria-busy=${String(busy)}
    data-action=${element.action_id} onClick=${run}>
    <span class="button-text">${plain(element.text)}</span>${element.url ? html`<span class="sr"> (opens a link)</span>` : null}
  </button>`;
}

export function Overflow({ block, element }) {
  const [busy, press] = usePress(block, element);
  const items = (element.options ?? []).map((option) => ({
    label: plain(option.text),
    hint: option.description && plain(option.description),
    run: () => {
      if (option.url) openAddress(option.url);
      press({ selected_option: option });
    },
  }));
  return html`<${MenuButton} class=${`button small overflow ${busy ? "busy" : ""}`} label="More actions" items=${items} data-action=${element.action_id}>
    <span aria-hidden="true">⋮</span>
  <//>`;
}

function FeedbackButtons({ block, element }) {
  const [, press] = usePress(block, element);
  const [given, setGiven] = useState(null);
  const thumb = (side, mark) => {
    const button = element[`${side}_button`];
    const give = () => {
      setGiven(side);
      press({ value: button.value, text: button.text });
    };
    return html`<button type="button" class="icon-button" aria-pressed=${String(given === side)} title=${button?.text?.text}
      aria-label=${button?.accessibility_label ?? button?.text?.text} onClick=${give}><span aria-hidden="true">${mark}</span></button>`;
  };
  return html`<span class="feedback">${thumb("positive", "👍")}${thumb("negative", "👎")}</span>`;
}

const ICONS = { trash: "🗑" };

function IconButton({ block, element }) {
  const [busy, press] = usePress(block, element);
  const me = useStore((state) => state.me?.id);
  if (element.visible_to_user_ids?.length && !element.visible_to_user_ids.includes(me)) return null;
  return html`<button type="button" class=${`icon-button ${busy ? "busy" : ""}`} title=${element.text?.text}
    aria-label=${element.accessibility_label ?? element.text?.text} onClick=${() => press({ value: element.value })}>
    <span aria-hidden="true">${ICONS[element.icon] ?? "•"}</span>
  </button>`;
}

const Picture = ({ element }) => html`<img class="accessory-picture" src=${imageAddress(element)} alt=${element.alt_text ?? ""} title=${element.alt_text} />`;

const KINDS = {
  button: Button,
  workflow_button: Button,
  overflow: Overflow,
  feedback_buttons: FeedbackButtons,
  icon_button: IconButton,
  image: Picture,
  static_select: Select,
  external_select: Select,
  users_select: Select,
  conversations_select: Select,
  channels_select: Select,
  multi_static_select: Select,
  multi_external_select: Select,
  multi_users_select: Select,
  multi_conversations_select: Select,
  multi_channels_select: Select,
  datepicker: DatePicker,
  timepicker: TimePicker,
  datetimepicker: DateTimePicker,
  radio_buttons: RadioButtons,
  checkboxes: Checkboxes,
  plain_text_input: TextInput,
  number_input: TextInput,
  email_text_input: TextInput,
  url_text_input: TextInput,
  rich_text_input: TextInput,
  file_input: FileInput,
};

/** Show one element; `field` carries an input block's ids: {id, labelId, describedBy, invalid, required}. */
export function Element({ block, element, field }) {
  const Kind = KINDS[element?.type];
  if (!Kind) return html`<${Unknown} what=${`elements of type “${element?.type}”`} data=${element} />`;
  return html`<${Kind} block=${block} element=${element} field=${field ?? {}} />`;
}
