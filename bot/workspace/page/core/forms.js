// What people have typed and chosen in views and messages, as Slack's `state.values` has it.
import { get, put, set } from "./store.js";

// Where each stateful element keeps its value, and which property fills it at first.
const FIELDS = {
  plain_text_input: ["value", "initial_value"],
  email_text_input: ["value", "initial_value"],
  url_text_input: ["value", "initial_value"],
  number_input: ["value", "initial_value"],
  rich_text_input: ["rich_text_value", "initial_value"],
  static_select: ["selected_option", "initial_option"],
  external_select: ["selected_option", "initial_option"],
  radio_buttons: ["selected_option", "initial_option"],
  checkboxes: ["selected_options", "initial_options"],
  multi_static_select: ["selected_options", "initial_options"],
  multi_external_select: ["selected_options", "initial_options"],
  users_select: ["selected_user", "initial_user"],
  conversations_select: ["selected_conversation", "initial_conversation"],
  channels_select: ["selected_channel", "initial_channel"],
  multi_users_select: ["selected_users", "initial_users"],
  multi_conversations_select: ["selected_conversations", "initial_conversations"],
  multi_channels_select: ["selected_channels", "initial_channels"],
  datepicker: ["selected_date", "initial_date"],
  timepicker: ["selected_time", "initial_time"],
  datetimepicker: ["selected_date_time", "initial_date_time"],
  file_input: ["files", ""],
};

const isMany = (field) => field === "files" || (field.startsWith("selected_") && field.endsWith("s"));

/** Name of the property an element keeps its value under, undefined for buttons and their like. */
export const fieldOf = (element) => FIELDS[element.type]?.[0];

/** The value an element starts with. */
export function initialOf(element) {
  const [field, start] = FIELDS[element.type];
  const value = element[start] ?? (isMany(field) ? [] : null);
  return value === "" ? null : value;
}

/** Yield [block, element] for every interactive element of a layout, containers and cards included. */
export function* elements(blocks) {
  for (const block of blocks ?? []) {
    for (const element of [block.element, block.accessory, ...(block.elements ?? []), ...(block.actions ?? [])]) {
      if (element?.action_id) yield [block, element];
    }
    yield* elements(block.child_blocks);
  }
}

/** The whole `state.values` of a layout, with what was typed over what it started with. */
export function valuesOf(key, blocks) {
  const typed = get().forms[key] ?? {};
  const values = {};
  for (const [block, element] of elements(blocks)) {
    const field = fieldOf(element);
    if (!field) continue;
    const known = typed[block.block_id]?.[element.action_id];
    const value = known?.type === element.type ? known[field] : initialOf(element);
    values[block.block_id] = { ...values[block.block_id], [element.action_id]: { type: element.type, [field]: value } };
  }
  return values;
}

/** Remember what was typed into one element; a complaint about its block is withdrawn. */
export function fill(key, block, element, value) {
  const entry = { type: element.type, [fieldOf(element)]: value };
  put("forms", key, (form) => ({ ...form, [block.block_id]: { ...form?.[block.block_id], [element.action_id]: entry } }));
  if (get().faults[key]?.[block.block_id]) {
    put("faults", key, ({ [block.block_id]: _withdrawn, ...rest }) => rest);
  }
}

/** After an update, drop what was typed into elements that are gone: other block_id, action_id or type (as Slack). */
export function keepWhatFits(view) {
  const typed = get().forms[view.id];
  if (!typed) return;
  const kept = {};
  for (const [block, element] of elements(view.blocks)) {
    const entry = typed[block.block_id]?.[element.action_id];
    if (entry?.type === element.type) kept[block.block_id] = { ...kept[block.block_id], [element.action_id]: entry };
  }
  put("forms", view.id, kept);
  const blocks = new Set(view.blocks.map((block) => block.block_id));
  const faults = Object.entries(get().faults[view.id] ?? {}).filter(([id]) => blocks.has(id));
  put("faults", view.id, Object.fromEntries(faults));
}

/** Forget a closed view. */
export function forget(key) {
  set(({ forms: { [key]: _form, ...forms }, faults: { [key]: _fault, ...faults } }) => ({ forms, faults }));
}

/** What stands in the way of submitting: {block_id: sentence}, worded as Slack words it. */
export function complaints(key, blocks) {
  const values = valuesOf(key, blocks);
  const found = {};
  for (const [block, element] of elements(blocks)) {
    if (block.type !== "input") continue;
    const value = values[block.block_id]?.[element.action_id]?.[fieldOf(element)];
    const sentence = complaint(block, element, value);
    if (sentence) found[block.block_id] = sentence;
  }
  return found;
}

const isEmpty = (value) => value === null || value === undefined || value === "" || value.length === 0;

function complaint(block, element, value) {
  if (isEmpty(value)) return block.optional ? null : "Please complete this required field.";
  if (typeof value !== "string") return null;
  if (element.min_length && value.length < element.min_length) return `Must be at least ${element.min_length} characters.`;
  if (element.max_length && value.length > element.max_length) return `Must be at most ${element.max_length} characters.`;
  return CHECKS[element.type]?.(element, value) ?? null;
}

const CHECKS = {
  number_input(element, value) {
    const number = Number(value);
    if (value.trim() === "" || Number.isNaN(number)) return "Please enter a number.";
    if (!element.is_decimal_allowed && !Number.isInteger(number)) return "Please enter a whole number.";
    if (element.min_value !== undefined && number < Number(element.min_value)) return `Must be ${element.min_value} or more.`;
    if (element.max_value !== undefined && number > Number(element.max_value)) return `Must be ${element.max_value} or less.`;
    return null;
  },
  email_text_input: (_element, value) => (/^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? null : "Please enter an email address."),
  url_text_input: (_element, value) => (/^[a-z][a-z0-9+.-]*:\/\/\S+$/i.test(value) ? null : "Please enter a valid URL."),
};
