// The input block: label, required or optional, hint, and the complaint under the field.
import { html, useContext } from "../vendor/preact-htm.js";
import { Surface } from "../core/surface.js";
import { useStore } from "../core/store.js";
import { Element } from "./elements.js";
import { plain } from "./text.js";

// These draw several controls or a group, which a <label for> cannot name.
const GROUPS = new Set(["radio_buttons", "checkboxes", "file_input"]);

export function InputBlock({ block }) {
  const surface = useContext(Surface);
  const fault = useStore((state) => state.faults[surface.key]?.[block.block_id]);
  const id = `${surface.key}-${block.block_id}`;
  const described = [fault && `${id}-fault`, block.hint && `${id}-hint`].filter(Boolean).join(" ");
  const field = { id, labelId: `${id}-label`, describedBy: described || undefined, invalid: Boolean(fault), required: !block.optional };
  const Label = GROUPS.has(block.element?.type) ? "div" : "label";
  return html`<div class=${`input-block ${fault ? "has-fault" : ""}`}>
    <${Label} class="input-label" id=${field.labelId} for=${Label === "label" ? id : undefined}>
      ${plain(block.label)}${" "}
      ${block.optional ? html`<span class="input-optional">(optional)</span>` : html`<span class="input-required" aria-hidden="true" title="Required">*</span>`}
    <//>
    <${Element} block=${block} element=${block.element} field=${field} />
    ${fault && html`<div class="input-fault" id=${`${id}-fault`} role="alert"><span aria-hidden="true">⚠ </span>${fault}</div>`}
    ${block.hint && html`<div class="input-hint" id=${`${id}-hint`}>${plain(block.hint)}</div>`}
  </div>`;
}
