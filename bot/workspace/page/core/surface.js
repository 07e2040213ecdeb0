// Acting on a surface (a message, a modal, an App Home): what a click or a choice sends to the app.
import { createContext } from "../vendor/preact-htm.js";
import { explain, post } from "./api.js";
import * as forms from "./forms.js";
import { put, set } from "./store.js";

export const Surface = createContext(null);

/** A message's surface. */
export function ofMessage(channel, message) {
  return {
    kind: "message",
    key: `${channel}:${message.ts}`,
    channel,
    blocks: [...(message.blocks ?? []), ...(message.attachments ?? []).flatMap((attachment) => attachment.blocks ?? [])],
    container: {
      type: "message",
      channel,
      ts: message.ts,
      thread_ts: message.thread_ts,
      is_ephemeral: Boolean(message.is_ephemeral),
    },
  };
}

/** A modal's or App Home's surface. */
export const ofView = (view) => ({
  kind: view.type,
  key: view.id,
  blocks: view.blocks,
  container: { type: "view", view_id: view.id },
});

/** Send an action to the app, after the element's confirm dialog if it has one. Returns whether the app took it. */
export async function dispatch(surface, block, element, chosen) {
  if (element.confirm && !(await confirmed(element.confirm))) return false;
  const action = { type: element.type, block_id: block.block_id, action_id: element.action_id, ...chosen };
  const state = { values: forms.valuesOf(surface.key, surface.blocks) };
  const answer = await post("action", { container: surface.container, action, state });
  put("faults", surface.key, ({ [block.block_id]: _before, ...rest } = {}) =>
    answer.ok ? rest : { ...rest, [block.block_id]: explain(answer.error) },
  );
  return answer.ok;
}

/** Note a choice and, where the element says so, tell the app. A choice that was not confirmed is taken back. */
export async function choose(surface, block, element, value) {
  const before = forms.valuesOf(surface.key, surface.blocks)[block.block_id]?.[element.action_id];
  const field = forms.fieldOf(element);
  forms.fill(surface.key, block, element, value);
  if (block.type === "input" && !block.dispatch_action) return;
  const went = await dispatch(surface, block, element, { [field]: value });
  if (!went && element.confirm && before) forms.fill(surface.key, block, element, before[field]);
}

/** Load an external select's options for what was typed. */
export async function suggestions(surface, block, element, value) {
  return post("options", {
    container: surface.container,
    block_id: block.block_id,
    action_id: element.action_id,
    value,
    state: { values: forms.valuesOf(surface.key, surface.blocks) },
  });
}

/** Ask the person with Slack's confirm dialog; resolves to their answer. */
export function confirmed(confirm) {
  return new Promise((resolve) => {
    const answer = (yes) => {
      set({ confirm: null });
      resolve(yes);
    };
    set({ confirm: { confirm, answer } });
  });
}

/** Whether an element of this type and configuration tells the app while one types. */
export const tellsOn = (block, element, moment) =>
  Boolean(block.dispatch_action) &&
  (element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"]).includes(moment);
