// An element's present value and how to change it.
import { useContext } from "../vendor/preact-htm.js";
import { fieldOf, initialOf } from "../core/forms.js";
import { choose, Surface } from "../core/surface.js";
import { useStore } from "../core/store.js";

/** Return [value, change, surface] of a stateful element; `change` tells the app where the element says so. */
export function useValue(block, element) {
  const surface = useContext(Surface);
  const entry = useStore((state) => state.forms[surface.key]?.[block.block_id]?.[element.action_id]);
  const value = entry?.type === element.type ? entry[fieldOf(element)] : initialOf(element);
  return [value, (next) => choose(surface, block, element, next), surface];
}

/** What a screen reader calls an element: its input block's label, else its placeholder, else its action_id. */
export const naming = (element, field) =>
  field.labelId
    ? { "aria-labelledby": field.labelId }
    : { "aria-label": element.accessibility_label ?? element.placeholder?.text ?? element.action_id };

/** The ARIA attributes that tie an element to its input block's hint and complaint. */
export const describing = (field) => ({
  "aria-describedby": field.describedBy,
  "aria-invalid": field.invalid ? "true" : undefined,
  "aria-required": field.required ? "true" : undefined,
});
